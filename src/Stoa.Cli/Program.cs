using System.Runtime.InteropServices;
using Stoa.Cli;
using Stoa.Llama.Serving;

// A receipt that is run again brings the schemas of strangers, whose patterns must not be matched for ever; as in a node.
AppContext.SetData("REGEX_DEFAULT_MATCH_TIMEOUT", TimeSpan.FromSeconds(1));

// Where all of Stoa is in one file, a node starts that file for each model that it runs.
if (args is [var first, var second, .. var arguments] && Worker.CommandOfStoa.SequenceEqual([first, second]))
    return await Worker.RunAsync(arguments, Console.In, Console.Out, Console.Error);

// The first signal asks the command to stop by itself; the second one ends the process at once, as it would without this.
using var stop = new CancellationTokenSource();
using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
return await new StoaCommandLine(Surroundings.OfProcess()).RunAsync(args, stop.Token);

void Stop(PosixSignalContext signal)
{
    signal.Cancel = !stop.IsCancellationRequested;
    stop.Cancel();
}
