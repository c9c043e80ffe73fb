using Stoa.Node.Hosting;

return await NodeProgram.RunAsync(args, StartMessage.Print, Console.Error, CancellationToken.None);
