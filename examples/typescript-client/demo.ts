/**
 * Asks a vault for OpenAI, makes one streamed call, shows what is left, and gives the access back.
 *
 *     npm run demo -- [ADDRESS] [--browser | --device] [--dpop]
 */
import { spawn } from 'node:child_process';
import { Access, Client, type Details, DpopKey, errorFrom, OkapError, printable } from './okap-client.js';

const DETAILS: Details[] = [{
  type: 'ai_model_access',
  provider: 'openai',
  models: ['gpt-4o-mini'],
  capabilities: ['chat'],
  limits: { monthly_spend: '1.00', requests_per_minute: 10 },
  reason: 'Say hello once',
}];

/** The link as one argument, never through a shell (OKAP-R-148). */
function openInBrowser(url: string): void {
  const [program, ...words] = process.platform === 'darwin' ? ['open']
    : process.platform === 'win32' ? ['rundll32', 'url.dll,FileProtocolHandler'] : ['xdg-open'];
  const browser = spawn(program ?? '', [...words, url], { stdio: 'ignore', detached: true });
  browser.on('error', () => console.log(`No browser found. Open ${url}`));
  browser.unref();
}

/** By the flow that the command line names; without a name by direct JSON. */
async function ask(okap: Client, flags: string[]): Promise<Access> {
  if (flags.includes('--browser')) {
    console.log('Allow it in your browser.');
    return okap.authorizeInBrowser(DETAILS, openInBrowser);
  }
  const asked = flags.includes('--device') ? await okap.askByDevice(DETAILS) : await okap.ask(DETAILS);
  if (asked instanceof Access) return asked;
  console.log(`Allow it at ${asked.uri} (code ${asked.userCode})`);
  return okap.wait(asked);
}

/** What any SDK of OpenAI does, with our `fetch`, which adds the token. */
async function chat(okap: Client, access: Access, prompt: string): Promise<void> {
  const answer = await okap.fetch(access)(`${access.baseUrl('openai')}/chat/completions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: 'gpt-4o-mini', messages: [{ role: 'user', content: prompt }], stream: true }),
  });
  if (!answer.ok || !answer.body) throw await errorFrom(answer);
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    const lines = (rest + part.value).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      if (!line.startsWith('data: {')) continue;
      for (const choice of JSON.parse(line.slice(6)).choices ?? []) {
        process.stdout.write(printable(choice.delta.content ?? ''));
      }
    }
  }
  console.log();
}

async function main(): Promise<void> {
  const flags = process.argv.slice(2).filter((it) => it.startsWith('--'));
  const address = process.argv.slice(2).find((it) => !flags.includes(it)) ?? 'http://127.0.0.1:8787';
  const dpop = flags.includes('--dpop') ? { dpop: await DpopKey.generate() } : {};
  const okap = new Client(address, { name: 'TypeScript demo', ...dpop });
  const access = await ask(okap, flags);
  try {
    await chat(okap, access, 'Say hello in one line.');
    for (const entry of await okap.limits(access)) {
      for (const [name, state] of Object.entries(entry.limits)) {
        console.log(`${entry.provider} ${name}: ${state.used ?? '-'} of ${state.limit}`);
      }
    }
  } finally {
    await okap.revoke(access);
    console.log('Given back.');
  }
}

main().catch((error: unknown) => {
  if (!(error instanceof OkapError)) throw error;
  console.error(`${error.message}`);
  process.exitCode = 1;
});
