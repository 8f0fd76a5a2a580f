//! The one style sheet of the server-rendered pages: light and dark by the reader's choice, no
//! fonts, images or scripts from anywhere.

export const STYLE = `
:root { color-scheme: light dark;
  --ground: light-dark(#f6f7f9, #14171c); --panel: light-dark(#ffffff, #1c2027);
  --ink: light-dark(#1a1f27, #e7eaf0); --quiet: light-dark(#5a6472, #9aa4b2);
  --line: light-dark(#dfe3e9, #2c323c); --accent: light-dark(#1757c2, #7fb0ff);
  --on-accent: light-dark(#ffffff, #0d1524);
  --good: light-dark(#12734a, #5fd29b); --bad: light-dark(#b3261e, #ff8a80);
  --good-ground: light-dark(#e3f4ea, #14301f); --bad-ground: light-dark(#fbe6e4, #3a1917) }
* { box-sizing: border-box }
body { margin: 0; background: var(--ground); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif }
header, main { max-width: 64rem; margin: 0 auto; padding: 0 1.25rem }
header { display: flex; align-items: center; gap: .75rem; padding-block: 1.5rem .5rem }
header form { margin-left: auto }
h1 { font-size: 1.25rem; margin: 0; letter-spacing: -.01em }
h2 { font-size: .8rem; text-transform: uppercase; letter-spacing: .06em; color: var(--quiet);
  margin: 0 0 .75rem; font-weight: 600 }
.quiet { color: var(--quiet) }
.badge { padding: .1rem .6rem; border-radius: 1rem; font-size: .85rem; font-weight: 600 }
.good { color: var(--good); background: var(--good-ground) }
.bad { color: var(--bad); background: var(--bad-ground) }
.panels { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fit, minmax(17rem, 1fr));
  margin: 1rem 0 }
section { background: var(--panel); border: 1px solid var(--line); border-radius: .75rem;
  padding: 1.1rem 1.25rem; overflow-x: auto }
section.wide { margin: 0 0 1rem }
dl { display: grid; grid-template-columns: auto 1fr; gap: .3rem 1.25rem; margin: 0 }
dt { color: var(--quiet) } dd { margin: 0; font-variant-numeric: tabular-nums }
.figures { display: flex; gap: 2rem; flex-wrap: wrap }
.figure b { display: block; font-size: 1.75rem; line-height: 1.2; font-weight: 600;
  font-variant-numeric: tabular-nums }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
th { text-align: left; color: var(--quiet); font-weight: 500; font-size: .85rem }
th, td { padding: .35rem .9rem .35rem 0; border-bottom: 1px solid var(--line);
  white-space: nowrap }
tr:last-child td { border-bottom: 0 }
form.card { max-width: 24rem; margin: 3rem auto; background: var(--panel);
  border: 1px solid var(--line); border-radius: .75rem; padding: 1.5rem }
form.card h1 { margin-bottom: .5rem }
label { display: block; margin-top: .9rem; font-weight: 500 }
input { width: 100%; padding: .55rem .7rem; margin-top: .25rem; font: inherit; color: inherit;
  background: var(--ground); border: 1px solid var(--line); border-radius: .5rem }
input:focus-visible, button:focus-visible, a:focus-visible { outline: 2px solid var(--accent);
  outline-offset: 2px }
button { font: inherit; font-weight: 600; padding: .5rem 1rem; border: 0; border-radius: .5rem;
  background: var(--accent); color: var(--on-accent); cursor: pointer }
form.card button { width: 100%; margin-top: 1.25rem }
button.plain { background: none; color: var(--accent); padding: .25rem .5rem }
a { color: var(--accent) }
.note { border-radius: .5rem; padding: .6rem .8rem; margin: .9rem 0 0 }
code { font-family: ui-monospace, 'SF Mono', Menlo, monospace; font-size: .92em }
`
