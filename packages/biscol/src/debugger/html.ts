import { guarded, requireObject, requireText } from '../checks.ts';
import { sessionToJson } from './json.ts';
import type { DebugSession } from './model.ts';

/** How a page is made. */
export interface SessionHtmlOptions {
  /** Title of the page; `Spend` when absent. */
  readonly title?: string;
}

/**
 * A session as one page that steps forwards and backwards by buttons, keys and a slider: opcodes, fragments, clauses with
 * their lines, and both stacks. It loads nothing, and its content security policy forbids it to.
 *
 * @returns A whole HTML document.
 * @throws BiscolError `BISCOL_INVALID_ARGUMENT`.
 */
export function sessionHtml(session: DebugSession, options: SessionHtmlOptions = {}): string {
  return guarded('session', 'what debugSpend returned', () => {
    const { title = 'Spend' } = requireObject<SessionHtmlOptions>('options', options);
    const name = escaped(requireText('options.title', title));
    // In a script nothing but its end could be taken for markup.
    const data = JSON.stringify(sessionToJson(session)).replaceAll('<', String.raw`\u003c`);
    return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'">
<title>${name}</title>
<style>${STYLE}</style>
</head>
<body>
<header><h1>${name}</h1><p id="verdict"></p><div id="diagnosis" hidden></div></header>
<nav aria-label="Steps">
<button id="first" type="button">first</button><button id="previous" type="button">◀ back</button>
<input id="slider" type="range" min="0" max="0" value="0" aria-label="Step">
<button id="next" type="button">forward ▶</button><button id="last" type="button">last</button>
<output id="place"></output>
</nav>
<main>
<section><h2>Clauses</h2><ol id="clauses"></ol><h2>Fragments</h2><ol id="fragments"></ol></section>
<section><h2>Opcodes</h2><ol id="opcodes"></ol></section>
<section><h2>Before</h2><ol id="before" class="stack"></ol><h2>After</h2><ol id="after" class="stack"></ol><p id="budget"></p></section>
</main>
<script type="application/json" id="session">${data}</script>
<script>${SCRIPT}</script>
</body>
</html>
`;
  });
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

const STYLE = `
:root{color-scheme:light dark;font:15px/1.45 system-ui,sans-serif;--line:#8884;--mark:#f7c94b55;--bad:#c62828;--good:#2e7d32}
@media(prefers-color-scheme:dark){:root{--bad:#ff8a80;--good:#a5d6a7;--mark:#f7c94b33}}
body{margin:0 auto;max-width:1400px;padding:1rem;overflow-wrap:anywhere}
h1{font-size:1.3rem;margin:0}h2{font-size:.95rem;margin:.8rem 0 .3rem}
#verdict{margin:.2rem 0}#diagnosis{border-left:4px solid var(--bad);padding:.4rem .8rem;margin:.5rem 0}
#diagnosis strong{color:var(--bad)}.good{color:var(--good)}.bad{color:var(--bad)}
nav{display:flex;gap:.5rem;align-items:center;flex-wrap:wrap;position:sticky;top:0;background:Canvas;padding:.5rem 0;border-bottom:1px solid var(--line)}
nav input{flex:1;min-width:8rem}button{font:inherit;padding:.25rem .7rem}
main{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,22rem),1fr));gap:1.2rem;align-items:start}
section{min-width:0}ol{list-style:none;margin:0;padding:0;font-family:ui-monospace,monospace;font-size:.82rem}
li{padding:.15rem .4rem;overflow-wrap:anywhere;border-radius:4px}
li.on{background:var(--mark)}li.off{opacity:.5}li small{display:block;opacity:.7}
#opcodes{max-height:70vh;overflow:auto}#opcodes li{cursor:pointer}#opcodes li.bad::before{content:"✗ "}
.stack li{border:1px solid var(--line);margin-bottom:.2rem}.stack li.note{border:0;opacity:.7;font-family:inherit}
`;

const SCRIPT = `
const session=JSON.parse(document.getElementById('session').textContent);
const find=(id)=>document.getElementById(id);
const add=(parent,tag,text,className)=>{const one=document.createElement(tag);one.textContent=text;if(className)one.className=className;parent.append(one);return one};
const {steps,map,diagnosis,verdict}=session;
const where=(source)=>source?source.file.split('/').slice(-3).join('/')+':'+source.line+':'+source.column:'';
find('verdict').textContent='Input '+session.inputIndex+', '+session.kind+(session.path?', path '+session.path:'')+': '+(verdict.ok?'valid':verdict.error);
find('verdict').className=verdict.ok?'good':'bad';
if(diagnosis){const box=find('diagnosis');box.hidden=false;add(box,'strong',diagnosis.cause+':');add(box,'span',' '+diagnosis.text);
if(diagnosis.clause)add(box,'div','Clause '+diagnosis.clause+(diagnosis.source?' at '+where(diagnosis.source):''));
if(diagnosis.missing.keys.length)add(box,'div','Missing signatures: '+diagnosis.missing.keys.join(', '));
for(const one of diagnosis.missing.preimages)add(box,'div','Missing secret: '+one.hashFunction+' '+one.hash);
if(diagnosis.worksFrom)add(box,'div','Works from '+Object.entries(diagnosis.worksFrom).map(([name,value])=>name+' '+value).join(', '))}
const depth=(list,at)=>{let count=0;for(let up=list[at].parent;up!==undefined;up=list[up].parent)count++;return count};
const rows=(list,id,more)=>list.map((one,at)=>{const row=add(find(id),'li',one.text);row.style.marginLeft=depth(list,at)+'em';const text=more(one);if(text)add(row,'small',text);return row});
const clauses=map?rows(map.clauses,'clauses',(one)=>where(one.source)):[];
const fragments=map?rows(map.fragments,'fragments',(one)=>'bytes '+one.start+' to '+(one.end-1)):[];
for(const id of ['clauses','fragments'])if(!find(id).children.length)add(find(id),'li','none','off');
const opcodes=steps.map((step,at)=>{const row=add(find('opcodes'),'li',at+' '+step.name+(step.data?' '+(step.data.length>32?step.data.slice(0,31)+'…':step.data):''),(step.executed?'':'off')+(diagnosis&&diagnosis.step===at?' bad':''));row.onclick=()=>show(at);return row});
const stack=(id,stacks,text)=>{const list=find(id);list.replaceChildren();if(!stacks){add(list,'li',text,'note');return}
for(const item of [...stacks.stack].reverse())add(list,'li',item||'(empty)');if(!stacks.stack.length)add(list,'li','nothing','note');
for(const item of [...stacks.altStack].reverse())add(list,'li','alternative: '+(item||'(empty)'))};
let current=0;
const show=(at)=>{if(!steps.length){find('place').textContent='no script ran';return}
current=Math.min(Math.max(at,0),steps.length-1);const step=steps[current];
opcodes.forEach((row,index)=>row.classList.toggle('on',index===current));opcodes[current].scrollIntoView({block:'nearest'});
const chain=(list,index)=>{const all=new Set();for(let up=index;up!==undefined;up=list[up].parent)all.add(up);return all};
const own=map&&step.fragment!==undefined?chain(map.fragments,step.fragment):new Set();fragments.forEach((row,index)=>row.classList.toggle('on',own.has(index)));
clauses.forEach((row,index)=>row.classList.toggle('on',index===step.clause));
stack('before',step.before);stack('after',step.after,verdict.ok?'nobody can tell':'it fails here');
find('budget').textContent=step.validationWeightLeft===undefined?'':step.validationWeightLeft+' weight units left for signatures';
find('slider').value=String(current);find('place').textContent='step '+current+' of '+session.stepCount;
find('previous').disabled=find('first').disabled=current===0;find('next').disabled=find('last').disabled=current===steps.length-1};
find('slider').max=String(Math.max(0,steps.length-1));
find('slider').oninput=(event)=>show(Number(event.target.value));
find('first').onclick=()=>show(0);find('last').onclick=()=>show(steps.length-1);
find('next').onclick=()=>show(current+1);find('previous').onclick=()=>show(current-1);
document.addEventListener('keydown',(event)=>{if(event.target.id==='slider')return;if(event.key==='ArrowRight')show(current+1);if(event.key==='ArrowLeft')show(current-1)});
show(diagnosis&&diagnosis.step!==undefined?diagnosis.step:0);
`;
