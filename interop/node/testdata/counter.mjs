import {writeSync} from 'node:fs';
import {serve} from '../peer.mjs';

let sum = 0;
let gate;
const opened = new Promise((open) => (gate = open));

serve({
  add: ({by}) => {
    console.log(`adding ${by}`);
    return (sum += by);
  },
  echo: ({text}) => text,
  wait: () => opened.then(() => 'waited'),
  open: () => gate(),
  fail: () => {
    console.error('a word of explanation');
    throw new Error('as asked');
  },
  exit: () => process.exit(3),
  babble: () => writeSync(1, 'not json\n'),
});
