// Package node runs JavaScript peers for tests: it finds Node, installs a folder's npm packages by their lock file, starts
// scripts as child processes and talks to them in lines of JSON.
//
//	node.Install(t, "testdata")                      // npm ci, once per lock file, also among parallel test binaries
//	p := node.Start(t, "testdata/counter.mjs")       // killed when the test ends
//	var sum int
//	p.Call("add", map[string]int{"by": 2}, &sum)     // fails the test, with the script's stderr, on an error or no answer
//
// A script serves its commands with the module peer.mjs of this folder:
//
//	import {serve} from '../node/peer.mjs';
//	let sum = 0;
//	serve({add: ({by}) => (sum += by)});
//
// Where there is no Node the test is skipped with a message that says so; when the environment variable
// ROWLOOM_REQUIRE_NODE is 1 it fails instead.
//
// # The protocol
//
// One JSON object a line, UTF-8. Go writes {"id":1,"do":"add","args":{"by":2}} to the script's standard input; the script
// answers {"id":1,"result":2} or {"id":1,"error":"..."} on its standard output, in any order. What a script prints with
// console.log goes to standard error. A script ends when its standard input does, so it never outlives its test.
package node
