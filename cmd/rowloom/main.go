// Command rowloom puts Yjs, Automerge and TinyBase clients on one live table.
//
//	rowloom serve     starts the server
//	rowloom lab       plays concurrent edits on several CRDTs
//	rowloom yjs       looks into Yjs updates; rowloom automerge into Automerge documents
//	rowloom convert   carries a table from one kind of file to another
//	rowloom help      lists the commands and flags
//
// Every flag has an environment variable: ROWLOOM_LISTEN for --listen. The exit code is 0, 1 for a failure, and 2 for a command line that is not
// understood.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/alecthomas/kong"
)

// cli is the command line. Each command is a file of this package.
type cli struct {
	ShowVersion versionFlag `name:"version" env:"-" help:"Print the version."`

	Serve     serveCmd     `cmd:"" help:"Start the server: rooms for HTTP and WebSocket clients, kept in a data folder."`
	Lab       labCmd       `cmd:"" help:"Play edits that are made at the same time on several CRDTs, and say who won and why."`
	Yjs       yjsCmd       `cmd:"" help:"Show, merge, compare and convert files with Yjs updates."`
	Automerge automergeCmd `cmd:"" help:"Show and check files with Automerge documents."`
	Convert   convertCmd   `cmd:"" help:"Carry a table between JSON, TinyBase, Yjs and Automerge files."`
	Version   versionCmd   `cmd:"" help:"Print the version."`
	Help      helpCmd      `cmd:"" help:"List the commands, or the flags of one."`
}

// environment is what a command has beside its flags.
type environment struct {
	context.Context
	stdout, stderr io.Writer
	parser         *kong.Kong
}

// usageError is a mistake on the command line that only the command itself can notice.
type usageError struct{ error }

func main() {
	os.Exit(run(context.Background(), os.Args[1:], os.Stdout, os.Stderr))
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) (code int) {
	var c cli
	env := &environment{Context: ctx, stdout: stdout, stderr: stderr}
	type exit int
	defer func() { // --help prints, and ends what follows
		if p := recover(); p != nil {
			e, ok := p.(exit)
			if !ok {
				panic(p)
			}
			code = int(e)
		}
	}()
	parser, err := kong.New(&c,
		kong.Name("rowloom"),
		kong.Description("One live table for Yjs, Automerge and TinyBase clients.\n\nEvery flag has an environment variable, such as ROWLOOM_LISTEN for --listen."),
		kong.DefaultEnvars("ROWLOOM"),
		kong.Writers(stdout, stderr),
		kong.Exit(func(code int) { panic(exit(code)) }),
		kong.Bind(env),
	)
	if err != nil {
		fmt.Fprintln(stderr, "rowloom:", err)
		return 1
	}
	env.parser = parser
	k, err := parser.Parse(args)
	if err != nil {
		var p *kong.ParseError
		if errors.As(err, &p) {
			k = p.Context
		}
		return misused(stderr, k, err)
	}
	if err := k.Run(env); err != nil {
		if errors.As(err, new(usageError)) {
			return misused(stderr, k, err)
		}
		fmt.Fprintln(stderr, "rowloom:", err)
		return 1
	}
	return 0
}

// misused says what is wrong with a command line, and where to look it up.
func misused(stderr io.Writer, k *kong.Context, err error) int {
	about := ""
	if k != nil && len(k.Path) > 0 {
		for n := k.Selected(); n != nil && n.Type == kong.CommandNode && n.Name != "help"; n = n.Parent {
			about = " " + n.Name + about
		}
	}
	fmt.Fprintf(stderr, "rowloom: %v\nTry: rowloom help%s\n", err, about)
	return 2
}
