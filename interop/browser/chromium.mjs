// A Chromium that needs no root and no download but that of npm.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tmpdir } from 'node:os';

const home = process.env.OKAP_CHROMIUM_HOME ?? join(tmpdir(), 'okap-chromium');

/** Unpacks the packaged Chromium once; the libraries that a bare Debian lacks come with it. */
async function packaged() {
  const whole = join(home, 'whole');
  // what an interrupted run has unpacked would be taken as it is
  if (!existsSync(whole)) rmSync(home, { recursive: true, force: true });
  mkdirSync(home, { recursive: true });
  const before = { ...process.env };
  // it unpacks below TMPDIR, and its libraries only where it believes to be in a bare container
  process.env.TMPDIR = home;
  process.env.AWS_EXECUTION_ENV = 'AWS_Lambda_nodejs24.x';
  const { default: chromium } = await import('@sparticuz/chromium');
  const executablePath = await chromium.executablePath();
  writeFileSync(whole, '');
  const libraries = process.env.LD_LIBRARY_PATH;
  for (const name of ['TMPDIR', 'AWS_EXECUTION_ENV', 'LD_LIBRARY_PATH', 'FONTCONFIG_PATH']) {
    if (before[name] === undefined) delete process.env[name];
    else process.env[name] = before[name];
  }
  const fonts = join(home, 'fonts.conf');
  writeFileSync(fonts, `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig>
<dir>/usr/share/fonts</dir><dir>${join(home, 'fonts')}</dir><cachedir>${join(home, 'fonts-cache')}</cachedir>
</fontconfig>`);
  return { executablePath, env: { ...before, LD_LIBRARY_PATH: libraries, FONTCONFIG_FILE: fonts } };
}

/** Chromium of the system, installed where that is possible. */
function ofTheSystem(reason) {
  const found = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) => existsSync(path));
  if (found) return { executablePath: found };
  if (process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')) {
    execFileSync('apt-get', ['install', '--yes', '--no-install-recommends', 'chromium'], { stdio: 'inherit' });
    return { executablePath: '/usr/bin/chromium' };
  }
  throw new Error(`no Chromium runs here; install one, for instance with: apt-get install chromium`, { cause: reason });
}

/** A running headless Chromium with its web security on, unlike the package's own flags. */
export async function launch() {
  const { chromium } = await import('playwright-core');
  // a container has no user namespaces to build the sandbox from
  const how = { headless: true, args: ['--no-sandbox', '--disable-gpu'] };
  try {
    return await chromium.launch({ ...how, ...(await packaged()) });
  } catch (error) {
    console.log(`the packaged Chromium does not run here: ${error.message.split('\n')[0]}`);
    return chromium.launch({ ...how, ...ofTheSystem(error) });
  }
}
