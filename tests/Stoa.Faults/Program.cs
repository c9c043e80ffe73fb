using System.Globalization;
using System.Runtime.InteropServices;
using Stoa.Faults;
using Stoa.Faults.Nodes;
using Stoa.Faults.Runs;

// The same program is a node whose clock the clock run moves.
if (args is [ShiftedNode.Word, var file, .. var rest])
    return await ShiftedNode.RunAsync(file, rest);

// Or one that does nothing but spend on requests to models, for the inference run to kill.
if (args is [SpendingNode.Word, var folder, var seed])
    return await SpendingNode.RunAsync(folder, int.Parse(seed, CultureInfo.InvariantCulture));

FaultRun[] runs =
[
    new("kill", "one embedded node, killed and started again", 1_000, KillRun.RunAsync),
    new("cell", "three nodes on PostgreSQL, one after another killed", 1_000, CellRun.RunAsync),
    new("pause", "three nodes on PostgreSQL, one after another stopped for longer than its lease, then woken", 20, PauseRun.RunAsync),
    new("database", "three nodes, and PostgreSQL restarted under them", 20, DatabaseRun.RunAsync),
    new("disk", "one embedded node on a disk that is full again and again", 20, DiskRun.RunAsync),
    new("clock", "the clock of one embedded node jumps by an hour, ahead and back", 20, ClockRun.RunEmbeddedAsync),
    new("clock-cell", "three nodes, and the clock of one of them jumps by an hour", 20, ClockRun.RunCellAsync),
    new("ledger", "the embedded ledger, crashed at any byte of what it writes", 10_000, LedgerRun.RunEmbeddedAsync),
    new("ledger-postgres", "the ledger on PostgreSQL, whose sessions end at any moment, and which crashes", 10_000, LedgerRun.RunPostgresAsync),
    new("inference", "what requests to models have cost, at a node that is killed in the middle of them", 200, InferenceRun.RunAsync),
    new("mixed", "one embedded node: kills, a full disk and jumps of its clock in turn", 60, MixedRun.RunEmbeddedAsync),
    new("mixed-cell", "three nodes: kills, restarts of PostgreSQL, pauses and jumps of a clock in turn", 60, MixedRun.RunCellAsync),
];

using var stop = new CancellationTokenSource();
// Whoever ends a run early finds nothing of it left.
using var interrupted = PosixSignalRegistration.Create(PosixSignal.SIGINT, EndEarly);
using var terminated = PosixSignalRegistration.Create(PosixSignal.SIGTERM, EndEarly);

if (FaultCommand.Parse(args, runs, Environment.TickCount & int.MaxValue, out var complaint) is not { } command)
{
    if (complaint.Length == 0)
        FaultCommand.WriteUsage(runs, Console.Out);
    else
        Console.Error.WriteLine($"faults: {complaint}");
    return complaint.Length == 0 ? 0 : 2;
}

var exitCode = 0;
foreach (var name in command.Runs)
{
    var run = Array.Find(runs, run => run.Name == name)!;
    var report = new FaultReport(name);
    var points = command.Points ?? run.DefaultPoints;
    report.Add("seed", command.Seed);
    Console.Error.WriteLine($"{name}: {points} points, seed {command.Seed}");
    try
    {
        await run.RunAsync(new RunContext(points, command.Seed, command.Within, report, line => Console.Error.WriteLine($"{name}: {line}")) { Longest = command.Longest }, stop.Token);
    }
    catch (NotHereException notHere)
    {
        Console.Error.WriteLine($"{name}: not possible here: {notHere.Message}");
        exitCode = Math.Max(exitCode, 3);
        continue;
    }
    catch (FaultException failure)
    {
        report.Break($"The run could not go on: {failure.Message}");
    }
    catch (OperationCanceledException) when (stop.IsCancellationRequested)
    {
        return 130;
    }

    if (command.IsJson)
        Console.WriteLine(report.ToJson().ToJsonString());
    else
        report.Write(Console.Out);
    if (report.Broken.Count > 0)
        exitCode = 1;
}

return exitCode;

void EndEarly(PosixSignalContext signal)
{
    signal.Cancel = true;
    stop.Cancel();
}
