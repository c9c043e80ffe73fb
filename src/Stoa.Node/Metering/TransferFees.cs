using System.Collections.Concurrent;
using Stoa.Market;
using Stoa.Market.Identity;
using Stoa.Market.Metering;
using Stoa.Node.Background;
using Stoa.Primitives;

namespace Stoa.Node.Metering;

/// <summary>What downloads at this node cost.</summary>
public sealed class TransferFees(SqlTransferFees fees, UsagePrices prices, ChargeTelemetry telemetry, IdSource ids, TimeProvider time, ILogger<TransferFees> logger)
{
    // After so long whatever was under way to the database has come about, or never will.
    private static readonly TimeSpan s_untilKnown = TimeSpan.FromMinutes(1);

    // Downloads that have ended, and whose end could not be written.
    private readonly ConcurrentDictionary<Id<UsageCharge>, (long Sent, DateTimeOffset At)> _ended = new();

    private readonly FailureLog _failures = new(logger, time);

    /// <summary>Whether anything is taken for downloads.</summary>
    public bool IsOn => prices.ChargesTransfer;

    /// <summary>Takes what so many bytes cost, or says why they are not sent.</summary>
    /// <returns>The id by which it is to be ended.</returns>
    public async Task<Outcome<Id<UsageCharge>, TransferFeeRefusal>> BeginAsync(Id<User> user, long bytes, SpendingAllowance? allowance, CancellationToken cancellationToken)
    {
        var id = ids.Next<UsageCharge>();
        try
        {
            return await fees.OpenAsync(id, user, bytes, allowance, time.GetUtcNow(), cancellationToken) is { } refusal ? refusal : id;
        }
        catch
        {
            // It may be written all the same.
            _ended[id] = (0, time.GetUtcNow());
            throw;
        }
    }

    /// <summary>A download has ended. When that cannot be written now, it is tried again.</summary>
    /// <param name="id">As it was begun.</param>
    /// <param name="sent">How many bytes went out.</param>
    public async Task EndAsync(Id<UsageCharge> id, long sent)
    {
        try
        {
            await CloseAsync(id, sent, CancellationToken.None);
        }
        catch (Exception failure)
        {
            _ended[id] = (sent, time.GetUtcNow());
            logger.LogWarning(failure, "The end of the download {Transfer} cannot be written; trying again.", id);
        }
    }

    /// <summary>Writes what could not be written, and gives back what nodes that are not alive have taken.</summary>
    internal async Task CareAsync(CancellationToken cancellationToken)
    {
        await EachByItself.DoAsync(
            _ended,
            async ended =>
            {
                // One of which nothing is there may still be committed: the connection was lost just then.
                if (await CloseAsync(ended.Key, ended.Value.Sent, cancellationToken) || time.GetUtcNow() - ended.Value.At > s_untilKnown)
                    _ended.TryRemove(ended.Key, out _);
            },
            (ended, failure) => _failures.TellOf("end the download", ended.Key, failure),
            cancellationToken);
        await EachByItself.DoAllAsync<Id<UsageCharge>>(
            after => fees.ListAbandonedAsync(after, time.GetUtcNow(), cancellationToken),
            id => CloseAsync(id, 0, cancellationToken),
            (id, failure) => _failures.TellOf("give back what was taken for the download", id, failure),
            cancellationToken);
    }

    private async Task<bool> CloseAsync(Id<UsageCharge> id, long sent, CancellationToken cancellationToken)
    {
        if (await fees.CloseAsync(id, sent, time.GetUtcNow(), cancellationToken) is not { } ended)
            return false;
        telemetry.Transfer(ended.Free, ended.Paid);
        return true;
    }
}
