using Stoa.Llama.Serving;

// A node starts this, and only a node: `stoa model serve` is for people.
return await Worker.RunAsync(args, Console.In, Console.Out, Console.Error);
