/** Light and dark, from 320 pixels to paper. Nothing is loaded from elsewhere. */
export const pageStyle = `
:root{--ink:#1d2433;--soft:#5b6475;--paper:#f6f7f9;--card:#fff;--line:#dde1e8;--good:#1f7a55;--bad:#b3372a;
--copied:#2f8f6a;--there:#86c2a8;--skipped:#d8a13a;--refused:#cf5b43;--failed:#8e3563;--vanished:#8b919d;--open:#cfd5de;--accent:#3564b8}
@media (prefers-color-scheme:dark){:root{--ink:#e7eaf0;--soft:#a2abbb;--paper:#14171d;--card:#1d222b;--line:#343b48;--good:#5cc397;--bad:#f08a77;
--copied:#3fa67d;--there:#2c5f4b;--skipped:#d8a13a;--refused:#dc6f58;--failed:#b75f8d;--vanished:#7c8492;--open:#39414e;--accent:#83a9ee}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif;-webkit-text-size-adjust:100%}
main{max-width:62rem;margin:0 auto;padding:1.25rem 1rem 3rem}
h1{font-size:1.6rem;line-height:1.25;margin:.1rem 0 .5rem;overflow-wrap:anywhere}
h2{font-size:1.1rem;margin:0 0 .8rem}
p{margin:.4rem 0}
section{background:var(--card);border:1px solid var(--line);border-radius:.75rem;padding:1rem 1.1rem;margin:1rem 0}
.note{color:var(--soft);font-size:.875rem}
.verdict{font-size:1.15rem;font-weight:600}
.good{color:var(--good)}.bad{color:var(--bad)}
code{font:.8125rem/1.4 ui-monospace,"SF Mono",Menlo,Consolas,monospace;color:var(--soft);overflow-wrap:anywhere}
bdi{overflow-wrap:anywhere}
time{white-space:nowrap}
.status{display:inline-block;font-size:.78rem;font-weight:600;line-height:1;padding:.3rem .55rem;border-radius:1rem;border:1px solid currentColor;color:var(--soft);vertical-align:.15em;white-space:nowrap}
.status.Synced{color:var(--good)}.status.Failed{color:var(--bad)}.status.Active{color:var(--accent)}
.tiles{display:grid;grid-template-columns:repeat(4,1fr);gap:.6rem}
.tile{border:1px solid var(--line);border-radius:.6rem;padding:.6rem .7rem}
.tile b{display:block;font-size:1.5rem;line-height:1.2;font-variant-numeric:tabular-nums}
.tile span{color:var(--soft);font-size:.875rem}
.bar{display:flex;gap:1px;height:.8rem;border-radius:.4rem;overflow:hidden;background:var(--open);margin:.35rem 0}
.bar i{min-width:3px;flex-basis:0}
.key{display:inline-block;width:.7rem;height:.7rem;border-radius:.2rem;margin-right:.5rem}
.copied{background:var(--copied)}.alreadyThere{background:var(--there)}.skipped{background:var(--skipped)}
.refused{background:var(--refused)}.failed{background:var(--failed)}.vanished{background:var(--vanished)}.open{background:var(--open)}
table{border-collapse:collapse;width:100%}
caption{text-align:left;font-weight:600;padding:.6rem 0 .2rem}
th,td{text-align:left;vertical-align:top;padding:.4rem .9rem .4rem 0;border-bottom:1px solid var(--line)}
tbody th{font-weight:400}
thead th{font-size:.8125rem;color:var(--soft);font-weight:600}
.number,.books td{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
.group th{font-weight:600;padding-top:.9rem}
.list code{white-space:nowrap}
.books{max-width:26rem;margin:.8rem 0}
.books th,.books td{padding:.3rem 0}
.books tfoot th,.books tfoot td{font-weight:600;border-bottom:0}
.books tfoot tr:first-child th,.books tfoot tr:first-child td{border-top:2px solid var(--ink)}
.timeline{margin:.5rem 0 .8rem}
.columns{display:flex;align-items:flex-end;gap:1px;height:5rem;border-bottom:2px solid var(--line)}
.columns i{flex:1;background:var(--copied);border-radius:.15rem .15rem 0 0}
.marks{position:relative;height:1.6rem;margin:0 .6rem}
.marks b{position:absolute;transform:translateX(-50%);font-size:.75rem;line-height:1.1rem;width:1.1rem;text-align:center;border-radius:50%;background:var(--accent);color:var(--card);top:.25rem}
.ends{display:flex;justify-content:space-between;gap:1rem;color:var(--soft);font-size:.8125rem}
.milestones{padding-left:1.4rem;margin:.4rem 0}
.users{list-style:none;margin:0;padding:0}
.users>li{padding:.7rem 0;border-bottom:1px solid var(--line)}
.users>li:last-child{border-bottom:0}
.line{display:flex;flex-wrap:wrap;justify-content:space-between;gap:.1rem 1rem;align-items:baseline}
details{margin:.5rem 0}
summary{cursor:pointer;color:var(--accent);font-weight:600}
@media (max-width:40rem){
.tiles{grid-template-columns:repeat(2,1fr)}
.list thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
.list,.list tbody,.list caption,.list tr,.list th,.list td{display:block}
.list tr{padding:.55rem 0;border-bottom:1px solid var(--line)}
.list th,.list td{border:0;padding:.1rem 0}
.list td{position:relative;padding-left:6rem;text-align:left;white-space:normal}
.list td::before{content:attr(data-label);position:absolute;left:0;top:.2rem;color:var(--soft);font-size:.8125rem}
.list .group{padding-bottom:.2rem}
}
@media print{
:root{--ink:#000;--soft:#444;--paper:#fff;--card:#fff;--line:#bbb;color-scheme:light}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}
main{max-width:none;padding:0}
section{border:0;padding:0;margin:1.2rem 0}
tr,li,.tile{break-inside:avoid}
h2,summary,caption,.group{break-after:avoid}
details::details-content{display:block;content-visibility:visible;block-size:auto}
summary{color:var(--ink)}
}
`;
