// Runs test files one after another: node run.mjs LEAST FILE…
// Ends badly where one fails, or where fewer than LEAST passed.

import { run } from 'node:test';
import { spec } from 'node:test/reporters';

const [least, ...files] = process.argv.slice(2);
let passed = 0;
let failed = 0;

run({ files, concurrency: 1 })
  .on('test:pass', ({ details, skip, todo }) => {
    if (details.type !== 'suite' && skip === undefined && todo === undefined) passed += 1;
  })
  .on('test:fail', () => { failed += 1; })
  .compose(new spec())
  .pipe(process.stdout);

process.on('exit', () => {
  const few = passed < Number(least);
  if (few) console.log(`only ${passed} tests passed, ${least} are there`);
  if (failed || few) process.exitCode = 1;
});
