using System.Globalization;
using Stoa.Market.Audit;

namespace Stoa.Node.Audit;

/// <summary>Takes entries away that are older than the node is to keep them, once an hour. What is left begins with a hash that stands for all that was taken.</summary>
public sealed class AuditCare(SqlAuditBlocks blocks, AuditLog log, AuditOptions options, TimeProvider time, ILogger<AuditCare> logger) : BackgroundService
{
    /// <summary>Name of the entry that tells up to which block the log was taken away.</summary>
    public const string Pruned = "pruneAudit";

    private static readonly TimeSpan s_every = TimeSpan.FromHours(1);

    /// <summary>Takes away what is too old now.</summary>
    /// <returns>Up to which block; 0 when there was nothing.</returns>
    public async Task<long> PruneAsync(CancellationToken cancellationToken)
    {
        if (options.KeepDays == 0)
            return 0;
        var now = time.GetUtcNow();
        var block = await blocks.PruneAsync(now.AddDays(-options.KeepDays), cancellationToken);
        if (block > 0)
            await log.WriteAsync(new AuditAct(now, Pruned, StatusCodes.Status200OK) { Subject = block.ToString(CultureInfo.InvariantCulture) });
        return block;
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (options.KeepDays == 0)
            return;
        using var timer = new PeriodicTimer(s_every, time);
        do
        {
            try
            {
                await PruneAsync(stoppingToken);
            }
            catch (Exception failure) when (!stoppingToken.IsCancellationRequested)
            {
                logger.LogError(failure, "Old entries of the audit log cannot be taken away; trying again in an hour.");
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken));
    }
}
