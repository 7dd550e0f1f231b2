// The script's half of the protocol that package node describes.

// serve answers the commands that come in on standard input with the functions of the object commands. A function gets the
// arguments and returns the result, or a promise of it; what it throws becomes the error of the answer. Commands start in the
// order of their lines; one that waits does not hold up the next. An error that nobody catches ends the script, unless
// forgive(error) is true.
export const serve = (commands, forgive = () => false) => {
  console.log = console.info = console.debug = console.error; // standard output belongs to the protocol
  const write = process.stdout.write.bind(process.stdout);
  process.stdout.write = process.stderr.write.bind(process.stderr);
  const answer = (a) => write(JSON.stringify(a) + '\n');

  const obey = async (line) => {
    const {id, do: name, args = {}} = JSON.parse(line);
    try {
      const command = commands[name];
      if (!command) {
        throw new Error(`no command ${name}`);
      }
      const result = await command(args);
      answer({id, result: result === undefined ? null : result});
    } catch (e) {
      answer({id, error: String(e?.stack ?? e)});
    }
  };

  let parts = [];
  process.stdin.setEncoding('utf8');
  process.stdin.on('data', (text) => {
    const lines = text.split('\n');
    parts.push(lines[0]);
    for (const next of lines.slice(1)) {
      const line = parts.join('');
      parts = [next];
      if (line !== '') {
        obey(line);
      }
    }
  });
  process.stdin.on('end', () => process.exit(0));
  process.on('uncaughtException', (e) => {
    console.error(e);
    if (!forgive(e)) {
      process.exit(1);
    }
  });
};

// until resolves when test() is true, looked at every few milliseconds, and fails after the given milliseconds; what, a text
// or a function that gives one, says what was waited for.
export const until = async (test, what, within = 20000) => {
  const end = Date.now() + within;
  while (!test()) {
    if (Date.now() > end) {
      throw new Error(`not within ${within} ms: ${typeof what === 'function' ? what() : what}`);
    }
    await new Promise((next) => setTimeout(next, 5));
  }
};
