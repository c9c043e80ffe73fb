using Stoa.Client.Contracts;
using Stoa.Market.Identity;
using Stoa.Market.Metering;
using Stoa.Node.Metering;
using Stoa.Primitives;

namespace Stoa.Node.Quotas;

/// <summary>Reads what a user takes up, may take up, and pays for it.</summary>
public sealed class QuotaDesk(UserUsages usages, SqlTransferFees transfers, UsagePrices prices, TimeProvider time)
{
    /// <summary>As it is now.</summary>
    public async Task<QuotaResponse> ReadAsync(Id<User> user, string handle, CancellationToken cancellationToken)
    {
        var usage = await usages.FindAsync(user, cancellationToken);
        var quota = usage.QuotaWithin(usages.Everybody);
        var (free, paid) = await transfers.FindMonthAsync(user, time.GetUtcNow(), cancellationToken);
        var hour = prices.For(usage.IsOrganisation).HourOf(usage.ContentBytes);
        return new QuotaResponse(
            handle, usage.OpenTasks, quota.OpenTasks, usage.ContentBytes, quota.ContentBytes, hour == Money.Zero ? null : hour.ToString(), free, paid, usage.UnpaidSince);
    }
}
