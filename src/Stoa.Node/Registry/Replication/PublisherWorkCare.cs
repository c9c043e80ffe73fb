using System.Diagnostics;
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
        var signal = database.GetSignal(SqlStatements.Topic);
        while (true)
        {
            var seen = signal.Value;
            try
            {
                var began = Stopwatch.GetTimestamp();
                while (await work.RunOnceAsync(stoppingToken))
                {
                    // Others wait to hear of what was just published: only much of it has to pause.
                    if (Stopwatch.GetElapsedTime(began) is var spent && spent < s_burst)
                        continue;
                    await Task.Delay(spent, time, stoppingToken);
                    began = Stopwatch.GetTimestamp();
                }
            }
            catch (Exception failure) when (!stoppingToken.IsCancellationRequested)
            {
                log.LogError(failure, "The work of what publishers say cannot be done; trying again.");
            }

            using var waiting = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken);
            await Task.WhenAny(signal.WaitBeyondAsync(seen, waiting.Token), Task.Delay(s_poll, time, waiting.Token));
            await waiting.CancelAsync();
            stoppingToken.ThrowIfCancellationRequested();
        }
    }
}
