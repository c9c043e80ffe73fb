using Stoa.Market.Registry.Statements;
using Stoa.Node.Background;

namespace Stoa.Node.Registry.Statements;

/// <summary>Says to the network what was published before there were statements, and forgets offers that are over, for as long as the node runs.</summary>
/// <remarks>All nodes of a cell look; who comes second finds nothing to do.</remarks>
public sealed class StatementCare(ListingBackfill backfill, IStatementStore statements, TimeProvider time, ILogger<StatementCare> logger) : BackgroundService
{
    private const int ForgottenAtOnce = 500;
    private static readonly TimeSpan s_pause = TimeSpan.FromMinutes(10);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var failures = new FailureLog(logger, time);
        while (!stoppingToken.IsCancellationRequested)
        {
            await failures.TryAsync("look after the registry's statements", LookAfterAsync, stoppingToken);
            await Task.Delay(s_pause, time, stoppingToken);
        }
    }

    private async Task LookAfterAsync(CancellationToken cancellationToken)
    {
        await backfill.RunAsync(cancellationToken);
        while (await statements.ForgetOversAsync(time.GetUtcNow(), ForgottenAtOnce, cancellationToken) == ForgottenAtOnce)
        {
        }
    }
}
