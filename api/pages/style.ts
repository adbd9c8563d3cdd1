import { createHash } from 'node:crypto'

/** The one stylesheet of the pages: no class is used that is not here, no file is fetched for it. */
export const STYLE = `
:root { color-scheme: light dark; --paper: #fff; --sheet: #f7f8f9; --ink: #18212b; --quiet: #5d6b79;
  --line: #dfe4e9; --accent: #1f5fbf; --good: #1c7a45; --wait: #9a6200; --bad: #b3261e }
@media (prefers-color-scheme: dark) { :root { --paper: #14181d; --sheet: #1b2026; --ink: #e8ecf0;
  --quiet: #9aa7b4; --line: #2d353d; --accent: #7fb0ff; --good: #62c98f; --wait: #e0ab55;
  --bad: #ff8a80 } }
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif }
a { color: var(--accent); text-decoration: none }
a:hover { text-decoration: underline }
a:focus-visible, button:focus-visible, input:focus-visible, select:focus-visible {
  outline: 2px solid var(--accent); outline-offset: 2px }
.top { border-bottom: 1px solid var(--line) }
.top > div, main, footer { max-width: 1180px; margin: 0 auto; padding: 0 1.5rem }
.top > div { display: flex; flex-wrap: wrap; gap: .5rem 1.5rem; align-items: center;
  justify-content: space-between; padding-top: .8rem; padding-bottom: .7rem }
.brand { font-weight: 650; letter-spacing: .01em; color: var(--ink) }
.top nav { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; order: 3; flex-basis: 100%;
  font-size: .93rem }
.top nav a { color: var(--quiet) }
.top nav a[aria-current] { color: var(--ink); box-shadow: 0 2px 0 var(--accent) }
.who { color: var(--quiet); display: flex; gap: .75rem; align-items: center }
main { padding-top: 1.75rem; padding-bottom: 3rem }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 .25rem; letter-spacing: -.01em }
h2 { font-size: 1.05rem; margin: 2.25rem 0 .75rem }
h1 + p, .lead { margin: 0 0 1.5rem; color: var(--quiet) }
.quiet:not(.state) { color: var(--quiet) }
.table { overflow-x: auto; border: 1px solid var(--line); border-radius: 8px }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
th, td { padding: .5rem .85rem; text-align: left; vertical-align: baseline }
th { font-weight: 550; font-size: .82rem; color: var(--quiet); background: var(--sheet);
  white-space: nowrap }
td { border-top: 1px solid var(--line) }
tfoot td { background: var(--sheet) }
.number { text-align: right; white-space: nowrap }
.nowrap { white-space: nowrap }
tfoot td, .strong { font-weight: 600 }
.small { display: block; font-size: .82rem; color: var(--quiet) }
a.small { color: var(--accent) }
.mono { font-family: ui-monospace, 'SFMono-Regular', Menlo, Consolas, monospace; font-size: .88em }
.state { white-space: nowrap }
.state::before { content: ''; display: inline-block; width: .55em; height: .55em;
  border-radius: 50%; margin-right: .5em; background: var(--quiet) }
.state.good::before { background: var(--good) }
.state.wait::before { background: var(--wait) }
.state.bad::before { background: var(--bad) }
.badge { font-size: .75rem; border: 1px solid var(--wait); color: var(--wait);
  border-radius: 4px; padding: 0 .4em }
.cards { display: flex; flex-wrap: wrap; gap: .75rem; margin: 0 0 1rem; padding: 0;
  list-style: none }
.cards li { background: var(--sheet); border: 1px solid var(--line); border-radius: 8px;
  padding: .75rem 1.1rem; min-width: 13rem }
.cards b { display: block; font-size: 1.3rem; font-weight: 600; letter-spacing: -.01em;
  font-variant-numeric: tabular-nums }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .3rem 1.5rem; margin: 0 0 1.5rem }
dt { color: var(--quiet) }
dd { margin: 0; font-variant-numeric: tabular-nums; overflow-wrap: anywhere }
.empty { border: 1px dashed var(--line); border-radius: 8px; padding: 1.5rem; color: var(--quiet);
  margin: 0 }
form + .empty, form + .table { margin-top: .75rem }
.pager { display: flex; gap: 1rem; justify-content: space-between; margin-top: .75rem;
  color: var(--quiet) }
.pager span:last-child { display: flex; gap: 1rem }
.filter { display: flex; flex-wrap: wrap; gap: .75rem; align-items: end; margin: 0 0 1rem }
label { display: block; font-size: .82rem; color: var(--quiet) }
input, select, button { font: inherit; color: inherit; background: var(--paper);
  border: 1px solid var(--line); border-radius: 6px; padding: 0 .7rem; height: 2.25rem }
button { background: var(--sheet); cursor: pointer }
button.main { background: var(--accent); border-color: var(--accent); color: var(--paper) }
button.link { background: none; border: 0; padding: 0; height: auto; color: var(--accent) }
.sign-in { max-width: 26rem; margin: 12vh auto 0 }
.sign-in input { width: 100%; height: 2.6rem; margin: .2rem 0 .9rem }
.alert { border-left: 3px solid var(--bad); padding: .4rem .8rem; background: var(--sheet);
  margin: 0 0 1.25rem }
.notice { border-left: 3px solid var(--good); padding: .4rem .8rem; background: var(--sheet);
  margin: 0 0 1.25rem }
.break { overflow-wrap: anywhere }
td .break { display: inline-block; min-width: 15rem; vertical-align: top }
.actions { display: flex; flex-wrap: wrap; gap: .75rem; margin: 0 0 1rem }
details { border: 1px solid var(--line); border-radius: 8px; padding: .6rem 1rem; margin: 0 0 .6rem }
summary { cursor: pointer }
summary .state { font-weight: 600 }
summary:focus-visible, pre:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px }
details .filter { margin: .9rem 0 .4rem }
h3 { font-size: .82rem; font-weight: 550; color: var(--quiet); margin: .9rem 0 .3rem }
details pre { margin: 0; padding: .6rem .9rem; max-height: 20rem; overflow-y: auto }
.documents { display: flex; flex-wrap: wrap; gap: .6rem; margin: 0 0 1.75rem; padding: 0;
  list-style: none }
.documents a { display: block; border: 1px solid var(--line); border-radius: 6px;
  padding: .35rem .8rem }
.charts { display: flex; flex-wrap: wrap; gap: 1.5rem }
figure { margin: 0; max-width: 100% }
figcaption { margin-bottom: .4rem }
svg { display: block; max-width: 100%; height: auto }
svg rect { fill: var(--accent) }
svg line { stroke: var(--line) }
svg text { fill: var(--quiet); font-size: 10px }
.export { margin: .5rem 0 0; font-size: .82rem }
.forms { display: grid; grid-template-columns: repeat(auto-fit, minmax(16rem, 1fr)); gap: 1rem;
  margin-top: 1rem; align-items: start }
.forms details { margin: 0 }
.forms input, .forms select { width: 100%; margin: .15rem 0 .6rem }
.check { color: var(--good) }
.check.off { color: var(--bad); font-weight: 600 }
pre { white-space: pre-wrap; overflow-wrap: anywhere; background: var(--sheet); padding: 1rem 1.25rem;
  border: 1px solid var(--line); border-radius: 8px; font-size: .9rem }
footer { color: var(--quiet); font-size: .82rem; padding-bottom: 2rem }
@page { margin: 16mm }
@media print {
  :root { color-scheme: light; --paper: #fff; --sheet: #fff; --ink: #000; --quiet: #444;
    --line: #bbb; --accent: #000 }
  body { font-size: 10pt }
  .top nav, button, details, .pager, .filter, .documents, .export, .forms, .screen,
  .state::before { display: none }
  .top > div, main, footer { max-width: none; padding-left: 0; padding-right: 0 }
  .table { overflow: visible; border: 0 }
  th, td { padding: .25rem .5rem }
  tr, dl, .cards, figure { break-inside: avoid }
  h2 { break-after: avoid }
  thead { display: table-header-group }
}
`

const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64')

/** Nothing runs and nothing is fetched; the style is allowed by its hash, forms only to ourselves. */
export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  'Content-Security-Policy':
    `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; form-action 'self'; ` +
    "base-uri 'none'; frame-ancestors 'none'",
  'Referrer-Policy': 'same-origin',
  'X-Content-Type-Options': 'nosniff',
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cache-Control': 'no-store',
}
