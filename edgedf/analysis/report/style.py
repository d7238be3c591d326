"""The page's style sheet: system fonts, colours that follow the reader's light or dark setting."""

STYLE = """
:root{--ink:#1c1c1e;--soft:#5f6368;--paper:#fff;--card:#f5f5f7;--rule:#d8d8dc;
--s0:#0b6bcb;--s1:#b25b00;--s2:#008060;--s3:#a0369c;--s4:#6b6b00;--s5:#c0392b;
--good:#0a7d4f;--bad:#c0261c;--open:#8a5a00}
@media (prefers-color-scheme:dark){:root{--ink:#ececf0;--soft:#a0a4ab;--paper:#141416;--card:#1f1f23;
--rule:#3a3a40;--s0:#6db3ff;--s1:#ffab5e;--s2:#52d6aa;--s3:#e58fe0;--s4:#d6d04f;--s5:#ff8478;
--good:#52d6a0;--bad:#ff8478;--open:#ffc46b}}
*{box-sizing:border-box}
body{margin:0;background:var(--paper);color:var(--ink);
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",sans-serif}
main{max-width:1400px;margin:0 auto;padding:32px 20px 64px}
h1{font-size:30px;margin:0 0 4px;overflow-wrap:anywhere}
h2{font-size:21px;margin:44px 0 10px;padding-top:14px;border-top:1px solid var(--rule)}
.lead{font-size:18px;color:var(--soft);margin:0}
.note,figcaption,footer{color:var(--soft);font-size:14px}
footer{margin-top:48px}
figure{margin:14px 0}
svg{width:100%;max-width:1000px;height:auto;background:var(--card);border-radius:10px;display:block}
svg text{fill:var(--soft);font-size:12px}
.grid{stroke:var(--rule);stroke-width:1}
.s0{--c:var(--s0)}.s1{--c:var(--s1)}.s2{--c:var(--s2)}.s3{--c:var(--s3)}.s4{--c:var(--s4)}.s5{--c:var(--s5)}
.line{fill:none;stroke:var(--c);stroke-width:2.2}
.range{stroke:var(--c);stroke-width:1.4}
.leader{stroke:var(--c);stroke-width:.7;stroke-dasharray:2 3}
.dot{fill:var(--c)}
svg text.name{fill:var(--c);font-weight:600}
.scroll{overflow-x:auto;border:1px solid var(--rule);border-radius:10px}
table{border-collapse:collapse;width:100%;font-size:14px}
th,td{padding:7px 8px;text-align:left;border-bottom:1px solid var(--rule);vertical-align:top}
th{background:var(--card);font-weight:600}
tr:last-child td{border-bottom:0}
.number{text-align:right;font-variant-numeric:tabular-nums}
td.number,td:first-child,.outcome{white-space:nowrap}
.outcome{font-weight:700}.pass{color:var(--good)}.fail{color:var(--bad)}.not-run{color:var(--open)}
.not-run-list{padding-left:20px}
.not-run-list li::marker{color:var(--open)}
.sheet{display:grid;grid-template-columns:repeat(auto-fill,minmax(104px,1fr));gap:10px}
.sheet figure{margin:0}
.sheet img{width:100%;height:auto;aspect-ratio:1;border-radius:8px;display:block}
details{margin-top:8px}summary{cursor:pointer;color:var(--s0);margin-bottom:8px}
code{font-size:12px}
@media print{body{background:#fff;color:#000}}
"""
