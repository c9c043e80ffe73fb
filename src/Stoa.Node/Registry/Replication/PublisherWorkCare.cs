using System.Diagnostics;
using Stoa.Node.Background;
using Stoa.Node.Network;
using Stoa.Node.Registry.Statements;
using Stoa.Node.Storage;

namespace Stoa.Node.Registry.Replication;

/// <summary>Has the work done of what publishers of this cell say, while the node takes part in the network, and for long never more than half of the time.</summary>
internal sealed class PublisherWorkCare(
    NetworkOptions network, Database database, PublisherWork work, TimeProvider time, ILogger<PublisherWorkCare> log) : BackgroundService
{
    private static readonly TimeSpan s_burst = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_poll = TimeSpan.FromSeconds(30);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (!network.IsOn)
            return;
        var failures = new FailureLog(log, time);
        var signal = database.GetSignal(SqlStatements.Topic);
        while (true)
        {
            var seen = signal.Value;
            await failures.TryAsync("do the work of what publishers say", WorkAsync, stoppingToken);
            await signal.WaitBeyondAsync(seen, s_poll, time, stoppingToken);
        }
    }

    private async Task WorkAsync(CancellationToken cancellationToken)
    {
        var began = Stopwatch.GetTimestamp();
        while (await work.RunOnceAsync(cancellationToken))
        {
            // Others wait to hear of what was just published: only much of it has to pause.
            if (Stopwatch.GetElapsedTime(began) is var spent && spent < s_burst)
                continue;
            await Task.Delay(spent, time, cancellationToken);
            began = Stopwatch.GetTimestamp();
        }
    }
}
