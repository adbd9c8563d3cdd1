import type { CellRow, PlantedRow, Proof, RunRow } from './proof.ts'

const MOMENTS: Record<string, string> = {
  beforeRequest: 'before it leaves',
  replyWithheld: 'arrived, reply withheld',
  replyDelivered: 'reply delivered',
}
const VICTIMS: Record<string, string> = {
  api: 'API',
  worker: 'worker',
  postgres: 'PostgreSQL',
  temporal: 'Temporal',
}

/** docs/crash-table.md. Throws when the results hold a broken promise: that is no table to publish. */
export function printCrashTable(proof: Proof): string {
  const { cells, storms, losses, runs } = proof
  const broken = [...cells, ...storms, ...losses].filter(({ violations }) => violations.length > 0)
  const missed = cells.filter(({ hit }) => !hit)
  if (broken.length > 0 || missed.length > 0) {
    throw new Error(`${broken.length} results with violations, ${missed.length} kills that missed`)
  }
  return [
    ...printHead(cells, runs),
    ...printVictims(cells),
    ...printSteps(cells),
    ...printLinks(proof),
    ...printOthers(proof),
    ...printPlanted(proof.planted),
    ...printLimits(cells),
    ...printRuns(runs),
  ].join('\n')
}

function printHead(cells: CellRow[], runs: RunRow[]): string[] {
  const days = [...new Set(runs.map(({ startedAt }) => startedAt.slice(0, 10)))].sort()
  return [
    '# What happens when a process dies',
    '',
    'Generated from results of `npm run prove` by `npm run prove -- --table`; not edited by hand.',
    '',
    'One story is told again and again: an endpoint for webhooks, three orders (one of them partly from a supplier, one paid by card: authorised, captured), the codes, the day closed, its invoice read, the paid order refunded and credited, every order asked for again. In each telling one process is killed (kill -9) at one message on one link, started again, and at the end everything is checked: what the client was told, the database, the API, the supplier’s ledger, the payment provider’s ledger, what the webhook receiver heard, Temporal’s histories, the logs (invariants I1 to I28).',
    '',
    `**${cells.length} kills (${days.join(', ')}), each of them hit its process; 0 violations.**${printOlder(cells)}`,
    '',
  ]
}

/** Which of the kills are of the story as it was before the order by card joined it. */
function printOlder(cells: CellRow[]): string {
  const older = cells.filter(({ orders }) => orders === undefined).length
  if (older === 0) return ''
  return ` ${older} of them are of the story as it was before the order by card joined it, ${cells.length - older} of the story as it is.`
}

function printVictims(cells: CellRow[]): string[] {
  return [
    '## By process',
    '',
    ...table(
      ['killed', 'kills', 'ready again, median', 'slowest', 'story finished, median', 'slowest'],
      Object.entries(VICTIMS).map(([victim, name]) => {
        const rows = cells.filter(({ cell }) => cell.victim === victim)
        const back = rows.map(({ backMs }) => backMs)
        const done = rows.map(({ recoveredMs }) => recoveredMs)
        return [name, rows.length, ...[back, done].flatMap((ms) => [median(ms), slowest(ms)])]
      }),
    ),
    'Times are from the kill. "Story finished" is everything that was left of the story, drained.',
    '',
  ]
}

function printSteps(cells: CellRow[]): string[] {
  const groups = Map.groupBy(cells, ({ step, cell }) =>
    JSON.stringify([step, cell.victim, cell.moment]),
  )
  const rank = (row: CellRow | undefined, names: Record<string, string>, name: string) =>
    row === undefined ? 0 : Object.keys(names).indexOf(name)
  const steps = [...new Set(cells.map(({ step }) => step))].sort(byStory)
  const rows = [...groups.values()].sort(([a], [b]) => {
    if (a === undefined || b === undefined) return 0
    return (
      steps.indexOf(a.step) - steps.indexOf(b.step) ||
      rank(a, VICTIMS, a.cell.victim) - rank(b, VICTIMS, b.cell.victim) ||
      rank(a, MOMENTS, a.cell.moment) - rank(b, MOMENTS, b.cell.moment)
    )
  })
  return [
    '## Step × process × moment',
    '',
    'The step is what the client was doing. The message that the kill hit is any that was under way just then, on one of the links; the moment is that message’s. "Saw" are the client’s tries until its answer: `no answer` is a cut connection or a time-out, and it tries again under the same key; 503 comes with `Retry-After`. "Did" is what workflows had to do again; nothing means that no workflow noticed.',
    '',
    ...table(
      ['step', 'killed', 'moment', 'kills', 'links', 'the client saw', 'the system did'],
      rows.map((group) => [
        group[0]?.step ?? '',
        VICTIMS[group[0]?.cell.victim ?? ''] ?? '',
        MOMENTS[group[0]?.cell.moment ?? ''] ?? '',
        group.length,
        [...new Set(group.map(({ cell }) => cell.link))].sort().join(', '),
        counted(group.map(({ clientSaw }) => clientSaw)),
        [...new Set(group.flatMap(({ systemDid }) => systemDid))].sort().join(', ') ||
          'nothing again',
      ]),
    ),
  ]
}

const STORY = [
  'before the story',
  'create the endpoint',
  'order A',
  'order B',
  'order C',
  'codes',
  'what is due',
  'pay order C',
  'read the payment',
  'capture the payment',
  'advance',
  'read the clock',
  'list invoices',
  'read the invoice',
  'refund the payment',
  'read the refund',
]

/** In the order of the story; what it does not name comes last. */
function byStory(a: string, b: string): number {
  const rank = (step: string): number => {
    const at = STORY.findLastIndex((name) => step === name || step.startsWith(`${name} by`))
    return at === -1 ? STORY.length : at
  }
  return rank(a) - rank(b) || a.localeCompare(b)
}

function printLinks({ cells, messages }: Proof): string[] {
  const told = (link: string) => {
    const counts = messages.flatMap((each) => each[link] ?? [])
    if (counts.length === 0) return '–'
    const [least, most] = [Math.min(...counts), Math.max(...counts)]
    return least === most ? least : `${least} to ${most}`
  }
  const links = [...new Set(cells.map(({ cell }) => cell.link))].sort()
  const count = (link: string, moment: string) =>
    cells.filter(({ cell }) => cell.link === link && cell.moment === moment).length
  return [
    '## Kills by link',
    '',
    ...table(
      ['link', 'messages of the story', ...Object.values(MOMENTS)],
      links.map((link) => [
        link,
        told(link),
        ...Object.keys(MOMENTS).map((moment) => count(link, moment)),
      ]),
    ),
  ]
}

function printOthers({ storms, losses }: Proof): string[] {
  const drawn = storms.flatMap((batch) => batch.storms)
  const faults = drawn.reduce((sum, { faults: each }) => sum + each.length, 0)
  const stories = storms.reduce((sum, batch) => sum + batch.stories, 0)
  // Each row counts from the beginning of its run: the last one of a seed has them all.
  const last = [...Map.groupBy(losses, ({ seed }) => seed).values()].flatMap((rows) =>
    rows.slice(-1),
  )
  const links = [...new Set(last.flatMap(({ lost }) => lost.map(({ link }) => link)))]
  const lostOn = (link: string) =>
    last
      .flatMap(({ lost }) => lost)
      .reduce((sum, each) => sum + (each.link === link ? each.lost : 0), 0)
  return [
    '## Several faults at once',
    '',
    `${drawn.length} storms of ${faults} faults in all (kills, frozen processes, links cut, slow or silent; at least two at the same time) over ${stories} stories: 0 violations.`,
    '',
    '## Lost acknowledgements',
    '',
    'The other side did it, and our side was told that the connection broke, on all links at once. Rounds without a violation are counted here; a run with another round says so under "The runs".',
    '',
    ...table(
      ['link', 'acknowledgements lost'],
      links.map((link) => [link, lostOn(link)]),
    ),
  ]
}

function printPlanted(planted: PlantedRow[]): string[] {
  const bugs = [...new Map(planted.map((row) => [row.patch, row])).values()]
  const caught = bugs.filter(({ found, breaks }) => found.includes(breaks))
  if (caught.length < bugs.length) throw new Error('a planted bug was not caught')
  return [
    '## Planted bugs',
    '',
    `A checker that finds nothing may be blind. ${caught.length} bugs are kept as patches in \`test/faults/planted/\`; each was planted in a copy of the product and found by the invariant that it breaks.`,
    '',
    ...table(
      ['bug', 'in words', 'found by', 'also seen'],
      bugs
        .toSorted((a, b) => a.patch.localeCompare(b.patch))
        .map(({ patch, bug, breaks, found }) => [
          patch,
          bug,
          breaks,
          found.filter((each) => each !== breaks).join(', '),
        ]),
    ),
  ]
}

function printLimits(cells: CellRow[]): string[] {
  const bound = (kills: number) => `${Math.min(100, (3 / kills) * 100).toFixed(1)} %`
  const asItIs = cells.filter(({ orders }) => orders !== undefined).length
  const alone =
    asItIs === 0 || asItIs === cells.length
      ? ''
      : ` Of the story as it is alone it is ${asItIs} kills and ${bound(asItIs)}.`
  return [
    '## What this does not show',
    '',
    '- **One machine.** All processes share it, its clock and its disk. Nothing here is said of two data centres.',
    '- **A process dies, the machine does not.** kill -9 leaves the operating system’s cache of the disk alone; the servers of the tests do not wait for the disk (`fsync` off). Power loss is not tried.',
    '- **The outside is simulated.** Supplier, payment provider and webhook receiver are our own programs with ledgers of their own.',
    `- **A sample.** Of the story’s messages (some thousands, most of them Temporal’s own statements) times 12 this is a sample by seed. No violation in ${cells.length} kills bounds the share of kills that break a promise below 3/n = ${bound(cells.length)} with 95 % confidence, for this story.${alone}`,
    '- **Temporal’s own statements have no time-out**: a database that is silent for ever is waited for as long as the operating system does.',
    '',
  ]
}

function printRuns(runs: RunRow[]): string[] {
  return [
    '## The runs',
    '',
    'With a seed a run is repeated: `npm run prove -- --cells 24 --seed N` at its commit.',
    '',
    ...table(
      ['form', 'seed', 'commit', 'began', 'cores', 'Node', 'passed'],
      runs.map(({ form, seed, commit, startedAt, cores, node, passed, note }) => [
        form,
        seed,
        commit,
        `${startedAt.slice(0, 16)}Z`,
        cores,
        node,
        passed ? 'yes' : `no: ${note ?? 'see the results'}`,
      ]),
    ),
  ]
}

function table(head: string[], rows: (string | number)[][]): string[] {
  const line = (cells: (string | number)[]): string => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line), '']
}

/** `503, 201 (3×) · 201`: different words once each, most frequent first. */
function counted(words: string[]): string {
  const groups = [...Map.groupBy(words, (word) => word)].sort(
    ([a, m], [b, n]) => n.length - m.length || a.localeCompare(b),
  )
  return groups
    .map(([word, members]) => (members.length > 1 ? `${word} (${members.length}×)` : word))
    .join(' · ')
}

function median(values: number[]): string {
  return seconds(values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0)
}

function slowest(values: number[]): string {
  return seconds(Math.max(0, ...values))
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`
}
