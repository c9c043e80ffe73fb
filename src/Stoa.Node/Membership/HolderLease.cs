using Stoa.Market.Membership;
using Stoa.Primitives;

namespace Stoa.Node.Membership;

/// <summary>Leases on what a node works on for a moment (a webhook, a schedule): one counts for as long as its holder is on the list of nodes.</summary>
/// <remarks>As with the leases on tasks no clock is compared, so neither a dead node nor a clock that jumps holds anything up for longer than it takes to notice.</remarks>
internal static class HolderLease
{
    /// <summary>The condition that nobody works on a row: it has no lease, its holder is gone, or it is this node's own and of work that it has given up.</summary>
    /// <remarks>Parameters: <c>self</c>, the holder; <c>working</c>, the tokens that it works under.</remarks>
    public const string IsFree =
        """
        (lease_token IS NULL
            OR NOT EXISTS (SELECT 1 FROM nodes WHERE SUBSTR(lease_token, 1, LENGTH(holder) + 1) = holder || '#')
            OR (SUBSTR(lease_token, 1, LENGTH(@self) + 1) = @self || '#' AND lease_token NOT IN @working))
        """;

    /// <summary>A token that nobody had before.</summary>
    public static string NewToken(LeaseHolder holder, IdSource ids) => $"{holder}#{ids.NextUuid():n}";
}
