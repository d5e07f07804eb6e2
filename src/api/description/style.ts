/** The style of the page, at every width, by day and by night. */
export const STYLE = `
:root{color-scheme:light dark;--text:#1d2430;--soft:#5a6475;--back:#fff;--card:#f6f7f9;--line:#dde1e8;--link:#1a56c4;
--get:#17643a;--post:#1a56c4;--patch:#8a5300;--delete:#b3261e}
@media(prefers-color-scheme:dark){:root{--text:#e4e8ef;--soft:#9aa5b8;--back:#12151b;--card:#1a1f28;--line:#2d3542;
--link:#86b0ff;--get:#6fd39b;--post:#86b0ff;--patch:#f0b35a;--delete:#ff8f86}}
*{box-sizing:border-box}
html{scroll-padding-top:1rem}
body{margin:0;color:var(--text);background:var(--back);font:15px/1.55 system-ui,sans-serif;overflow-wrap:break-word}
a{color:var(--link)}
header{display:flex;flex-wrap:wrap;gap:.25rem 1.5rem;align-items:baseline;padding:1rem 1.5rem;
border-bottom:1px solid var(--line)}
h1{font-size:1.35rem;margin:0}small{color:var(--soft);font-weight:400}
h2{font-size:1.15rem;margin:2.5rem 0 1rem}h3{font-size:1.02rem;margin:0 0 .35rem}
h4{font-size:.87rem;margin:1.2rem 0 .3rem;color:var(--soft)}
p{margin:.3rem 0}
code,pre{font:.88em/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,"DejaVu Sans Mono",monospace}
pre{margin:1rem 0;padding:.8rem 1rem;overflow-x:auto;background:var(--back);border:1px solid var(--line);border-radius:6px}
.columns{display:grid;grid-template-columns:19rem minmax(0,52rem);gap:0 3rem;padding:0 1.5rem 4rem}
nav{position:sticky;top:0;align-self:start;max-height:100vh;overflow-y:auto;padding:1rem 0;font-size:.88rem}
.about{padding-top:1.2rem}
nav h2{font-size:.78rem;letter-spacing:.03em;text-transform:uppercase;color:var(--soft);margin:1rem 0 .2rem}
nav ul{list-style:none;margin:0;padding:0}
nav a{display:flex;gap:.6rem;padding:.2rem 0;color:inherit;text-decoration:none}
nav a:hover span{text-decoration:underline}
nav b{flex:0 0 3.6rem;font-size:.72rem;line-height:1.9;text-transform:uppercase}
.get{color:var(--get)}.post{color:var(--post)}.patch,.put{color:var(--patch)}.delete{color:var(--delete)}
article{margin:0 0 1.5rem;padding:1.1rem 1.3rem;background:var(--card);border:1px solid var(--line);border-radius:8px}
article:target{border-color:var(--link)}
.address{margin:0 0 .5rem}.address b{text-transform:uppercase;font-size:.82rem}
.access{color:var(--soft);font-size:.82rem;margin-left:.6rem}
.fields,.refusals{list-style:none;margin:0;padding:0}
.fields li,.refusals li{padding:.45rem 0;border-top:1px solid var(--line)}
.fields .fields{margin:.4rem 0 0 .2rem;padding-left:.9rem;border-left:2px solid var(--line)}
.name{font-weight:600}.type{color:var(--soft);font-size:.86rem}
.required{color:var(--patch);font-size:.8rem}
.fields p{color:var(--soft);font-size:.92rem}
summary{cursor:pointer;color:var(--link);font-size:.9rem;padding:.3rem 0}
.ok{color:var(--get)}.refused{color:var(--delete)}
@media(max-width:60rem){.columns{display:block;padding:0 1rem 3rem}header{padding:1rem}
nav{position:static;max-height:none;padding:.5rem 0 0;overflow:visible}article{padding:.9rem}}
`;
