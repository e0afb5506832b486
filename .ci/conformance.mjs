// Runs http-tests/cache-tests through a proxy, and compares what fails with what is expected to.
//
//     node conformance.mjs <directory of the suite> <its name in the list> <list of expected failures> <URL of the proxy>

import fs from 'node:fs'
import path from 'node:path'

const [directory, version, list, proxy] = process.argv.slice(2)
const root = path.resolve(directory)
const isReleased = !fs.existsSync(path.join(root, 'test-engine'))
const { runTests, getResults } = await import(path.join(root, isReleased ? '' : 'test-engine', 'client/runner.mjs'))
const suites = (await import(path.join(root, 'tests/index.mjs'))).default
const tests = new Map(suites.flatMap(suite => suite.tests).map(test => [test.id, test]))

// The released version wants to be told what to fetch with.
await (isReleased ? runTests(suites, fetch, false, proxy) : runTests(suites, false, proxy))
const results = getResults()

// As the suite's own site counts: a test tells nothing where one that it depends on fails.
function verdict (id) {
  if (!(id in results)) return 'for browsers alone'
  const { depends_on: dependencies = [], kind } = tests.get(id)
  const holds = dependency => ['passed', 'yes'].includes(verdict(dependency))
  if (!dependencies.every(holds)) return 'without what they depend on'
  if (kind === 'check') return results[id] === true ? 'yes' : 'no'
  return results[id] === true ? 'passed' : 'failed'
}

// A line of the list: a version, names of tests with * for anything, a reason.
const lines = fs.readFileSync(list, 'utf8').split('\n').filter(line => line && !line.startsWith('#'))
const expected = lines.map(line => line.split('|').map(cell => cell.trim())).filter(([of]) => of === version)
  .flatMap(([, names]) => names.split(/\s+/))
  .map(name => ({ name, pattern: new RegExp(`^${name.replaceAll('*', '.*')}$`) }))

const counts = {}
const surprises = []
const met = new Set()
for (const [id, { kind = 'required' }] of tests) {
  const is = verdict(id)
  counts[kind] ??= {}
  counts[kind][is] = (counts[kind][is] ?? 0) + 1
  const line = expected.find(({ pattern }) => pattern.test(id))
  if (line && is === 'failed') met.add(line)
  if (line && is === 'passed') surprises.push(`${id} passes: take it off the list`)
  if (!line && is === 'failed') surprises.push(`${id} (${kind}) fails: ${results[id].join(': ')}`)
}
surprises.push(...expected.filter(line => !met.has(line)).map(({ name }) => `${name} is on the list, and no such test fails`))

// What says how long an answer lasts and for whom it is: of the newest version 102 tests, of which the best cache whose
// results the suite publishes passes 97. Counted one by one, as those results are kept.
const CORE = 'cc-freshness cc-parse age-parse expires expires-parse cc-response stale heuristic status vary vary-parse other'
const core = suites.filter(({ id }) => CORE.split(' ').includes(id)).flatMap(suite => suite.tests)
  .filter(({ id, kind = 'required' }) => kind === 'required' && id in results)
const passed = core.filter(({ id }) => results[id] === true).length
if (!isReleased) console.log(`cache-tests ${version}, required, on freshness and Vary: ${passed} of ${core.length}`)

for (const kind of ['required', 'optimal', 'check']) {
  const figures = Object.entries(counts[kind]).map(([is, count]) => `${count} ${is}`)
  console.log(`cache-tests ${version}, ${kind}: ${figures.join(', ')}`)
}
surprises.forEach(surprise => console.error(`cache-tests ${version}: ${surprise}`))
process.exit(surprises.length ? 1 : 0)
