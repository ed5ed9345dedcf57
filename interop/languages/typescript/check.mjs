// TypeScript: types from the schemas, the vectors as constants of these types, and a validator.
//
// node check.mjs <draft-07 schemas> <2020-12 schemas> <vectors>

import fs from 'node:fs'
import path from 'node:path'

import Ajv from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { compile } from 'json-schema-to-typescript'
import ts from 'typescript'

const [older, newer, vectors] = process.argv.slice(2)
const read = (...parts) => JSON.parse(fs.readFileSync(path.join(...parts), 'utf8'))

const wrong = []
const files = fs
  .readdirSync(path.join(vectors, 'messages'))
  .filter((name) => name.endsWith('.json'))
  .map((name) => ({ name: name.slice(0, -'.json'.length), ...read(vectors, 'messages', name) }))

// A case with no JSON value in it is for parsers only.
const messages = (file) => file.cases.filter((one) => 'message' in one)

// -- a validator

let judged = 0
for (const file of files) {
  const ajv = new Ajv({ strict: false, allErrors: false })
  addFormats(ajv)
  const validate = ajv.compile(read(newer, file.schema))
  for (const one of messages(file)) {
    judged += 1
    const valid = validate(one.message)
    if (one.valid && !valid) wrong.push(`ajv refuses ${file.name}: ${one.name}: ${ajv.errorsText(validate.errors)}`)
    if (one.structural && valid) wrong.push(`ajv accepts ${file.name}: ${one.name}`)
  }
}

// -- types

const work = 'generated'
fs.rmSync(work, { recursive: true, force: true })
fs.mkdirSync(work)
const pascal = (name) => name.replace(/(^|[.-])([a-z])/g, (_, __, letter) => letter.toUpperCase())

/** The cases as constants, a line each, and the line that each stands on. */
const constants = (file, cases) => {
  const type = pascal(file.name)
  const lines = [`import type { ${type} } from './${file.name}'`]
  const at = new Map()
  for (const one of cases) {
    lines.push(`export const c${lines.length}: ${type} = ${JSON.stringify(one.message)}`)
    at.set(lines.length - 1, one)
  }
  return { text: `${lines.join('\n')}\n`, at }
}

const programs = new Map()
for (const file of files) {
  const type = pascal(file.name)
  const schema = { ...read(older, file.schema), title: type }
  // lengths of lists would become unions of tuples
  const options = { bannerComment: '', ignoreMinAndMaxItems: true, format: false }
  fs.writeFileSync(path.join(work, `${file.name}.ts`), await compile(schema, type, options))
  for (const kind of ['valid', 'structural']) {
    const { text, at } = constants(file, messages(file).filter((one) => one[kind]))
    const target = path.join(work, `${file.name}.${kind}.ts`)
    fs.writeFileSync(target, text)
    programs.set(path.resolve(target), { file, kind, at })
  }
}
// what an app writes: the members of one grant type only, once it has looked which
const narrowing = path.join(work, 'narrowing.ts')
fs.writeFileSync(
  narrowing,
  `import type { TokenRequest } from './token-request'
import type { GrantedAccess } from './granted-access'
export const secret = (request: TokenRequest): string => {
  switch (request.grant_type) {
    case 'authorization_code': return request.code
    case 'refresh_token': return request.refresh_token
    case 'urn:ietf:params:oauth:grant-type:device_code': return request.device_code
    case 'urn:ietf:params:oauth:grant-type:token-exchange': return request.subject_token
  }
}
export const base = (access: GrantedAccess): string => access.base_url
`,
)

const program = ts.createProgram([...programs.keys(), narrowing], {
  strict: true,
  noEmit: true,
  exactOptionalPropertyTypes: true,
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  types: [],
})
const refused = new Set()
for (const diagnostic of ts.getPreEmitDiagnostics(program)) {
  const text = ts.flattenDiagnosticMessageText(diagnostic.messageText, ' ')
  const source = diagnostic.file && programs.get(path.resolve(diagnostic.file.fileName))
  const line = source && diagnostic.file.getLineAndCharacterOfPosition(diagnostic.start).line
  const one = source?.at.get(line)
  if (source?.kind === 'structural' && one) refused.add(one)
  else wrong.push(`tsc: ${diagnostic.file?.fileName}: ${one?.name ?? ''}: ${text}`)
}
let typed = 0
let untyped = 0
for (const { kind, at } of programs.values()) {
  for (const one of at.values()) {
    if (kind === 'valid') typed += 1
    else {
      untyped += 1
      // patterns and ranges are beyond types; that something is missing is not
      if (one.why === 'a required member is missing' && !refused.has(one)) {
        wrong.push(`tsc accepts ${one.name}`)
      }
    }
  }
}

const held = files.reduce((sum, file) => sum + messages(file).length, 0)
if (judged !== held || typed === 0) wrong.push(`${judged} of ${held} cases were judged`)
for (const line of wrong) console.error(line)
console.log(
  `ajv ${judged} messages of ${files.length} schemas; tsc ${typed} valid messages as typed constants, ` +
    `${refused.size} of ${untyped} wrong ones refused by their types; ${wrong.length} wrong`,
)
process.exitCode = wrong.length === 0 ? 0 : 1
