// The few words of Node that the client and the demo use, in place of @types/node.
declare module 'node:http' {
  interface Server {
    listen(port: number, host: string, ready: () => void): void;
    address(): { port: number };
    close(): void;
  }
  interface Answer {
    writeHead(status: number, headers: Record<string, string>): void;
    end(text: string): void;
  }
  export function createServer(handle: (request: { url?: string }, response: Answer) => void): Server;
}

declare module 'node:child_process' {
  export function spawn(program: string, words: string[], options: { stdio: 'ignore'; detached: boolean }):
    { on(event: 'error', handle: () => void): void; unref(): void };
}

declare const process: {
  argv: string[];
  platform: string;
  exitCode: number;
  stdout: { write(text: string): void };
};
