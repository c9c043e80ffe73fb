using System.Runtime.InteropServices;
using Stoa.Cli;

// A receipt that is run again brings the schemas of strangers, whose patterns must not be matched for ever; as in a node.
AppContext.SetData("REGEX_DEFAULT_MATCH_TIMEOUT", TimeSpan.FromSeconds(1));

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
