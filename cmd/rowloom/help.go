package main

// helpCmd is `rowloom help`.
type helpCmd struct {
	Command []string `arg:"" optional:"" help:"The command to describe."`
}

// Run prints what --help prints.
func (c *helpCmd) Run(env *environment) error {
	_, err := env.parser.Parse(append(c.Command, "--help"))
	if err != nil {
		return usageError{err}
	}
	return nil
}
