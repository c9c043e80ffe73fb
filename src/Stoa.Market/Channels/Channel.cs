using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Primitives;

namespace Stoa.Market.Channels;

/// <summary>The two sides of a channel.</summary>
public enum ChannelSide
{
    /// <summary>Signs vouchers; the deposit is theirs.</summary>
    Payer,

    /// <summary>Is paid what the highest voucher says.</summary>
    Payee,
}

/// <summary>One side of a channel.</summary>
/// <param name="User">Who it is on this node.</param>
/// <param name="Handle">The user's handle.</param>
/// <param name="Wallet">Pays the deposit in, or is paid.</param>
/// <param name="Key">Signs for this side. Its private half never leaves the side's own machine.</param>
public sealed record ChannelParty(Id<User> User, string Handle, Id<Account> Wallet, PublicKey Key);

/// <summary>Where a channel stands. It only moves forward: open, closing, closed.</summary>
public abstract record ChannelState
{
    private ChannelState()
    {
    }

    /// <summary>Vouchers are settled; the payer may add to the deposit.</summary>
    public sealed record Open : ChannelState;

    /// <summary>The channel ends at <paramref name="EndsAt"/>. Until then a higher voucher is paid.</summary>
    /// <param name="By">Who asked for it; null when the channel had expired.</param>
    /// <param name="StartedAt">UTC.</param>
    /// <param name="EndsAt">UTC; the start and the challenge window. It is never moved.</param>
    public sealed record Closing(ChannelSide? By, DateTimeOffset StartedAt, DateTimeOffset EndsAt) : ChannelState;

    /// <summary>The rest of the deposit is back with the payer. Nothing changes any more.</summary>
    /// <param name="At">UTC.</param>
    /// <param name="Agreed">Whether both sides signed the end; otherwise the challenge window ran out.</param>
    public sealed record Closed(DateTimeOffset At, bool Agreed) : ChannelState;
}

/// <summary>A deposit out of which one user pays another by vouchers that only grow.</summary>
/// <remarks>
/// Everything about a channel that can change only grows: the deposit, what is settled, the state. So a message that comes twice, late or in another
/// order can do no harm, and who asks again for what is done already changes nothing.
/// </remarks>
/// <param name="Id">Never reused.</param>
/// <param name="Node">The node that opened it. Vouchers name it, so that none is good at another market.</param>
/// <param name="Payer">Whose deposit it is.</param>
/// <param name="Payee">Who is paid. Another user than the payer, with another key.</param>
/// <param name="Escrow">The payer's account of kind <see cref="AccountKind.Channel"/>: it holds what all channels of the payer that are not closed have left.</param>
/// <param name="ChallengeWindow">How long a closing waits for a higher voucher.</param>
/// <param name="OpenedAt">UTC.</param>
/// <param name="ExpiresAt">From then on the market starts the closing by itself.</param>
/// <param name="Deposit">All that was paid in.</param>
/// <param name="Settled">What of it the payee has been paid; never above the deposit.</param>
/// <param name="Proof">The voucher that <paramref name="Settled"/> stands on; null before the first.</param>
/// <param name="Agreement">What both signed at the end; null for a channel that ended otherwise, or has not ended.</param>
/// <param name="State">See <see cref="ChannelState"/>.</param>
public sealed record Channel(
    Id<Channel> Id,
    PeerId Node,
    ChannelParty Payer,
    ChannelParty Payee,
    Id<Account> Escrow,
    TimeSpan ChallengeWindow,
    DateTimeOffset OpenedAt,
    DateTimeOffset ExpiresAt,
    Money Deposit,
    Money Settled,
    Voucher? Proof,
    DsseEnvelope? Agreement,
    ChannelState State) : IIdentified
{
    public static string IdPrefix => "chan";

    /// <summary>What is still in escrow for this channel.</summary>
    public Money Remaining => State is ChannelState.Closed ? Money.Zero : Deposit - Settled;

    /// <summary>What vouchers and agreements of this channel are checked against.</summary>
    public ChannelTerms Terms => new(Id, Node, Payer.Key, Payee.Key, ChallengeWindow, OpenedAt, ExpiresAt);

    /// <summary>Which side a user is; null for one who has nothing to do with it.</summary>
    public ChannelSide? SideOf(Id<User> user) => user == Payer.User ? ChannelSide.Payer : user == Payee.User ? ChannelSide.Payee : null;
}

/// <summary>What of a channel never changes, and all that either side needs to check what the other signs.</summary>
/// <param name="Channel">The channel.</param>
/// <param name="Node">The node that opened it.</param>
/// <param name="PayerKey">Signs vouchers and chain commitments.</param>
/// <param name="PayeeKey">Signs agreements, together with the payer's.</param>
/// <param name="ChallengeWindow">How long a closing waits.</param>
/// <param name="OpenedAt">UTC.</param>
/// <param name="ExpiresAt">UTC.</param>
public sealed record ChannelTerms(
    Id<Channel> Channel, PeerId Node, PublicKey PayerKey, PublicKey PayeeKey, TimeSpan ChallengeWindow, DateTimeOffset OpenedAt, DateTimeOffset ExpiresAt);

/// <summary>What the operator allows.</summary>
/// <param name="MinDeposit">Least to open a channel with.</param>
/// <param name="MinChallengeWindow">Shortest window: a payee must be able to look as often.</param>
/// <param name="MaxChallengeWindow">Longest window: so long a payer may have to wait for the rest.</param>
/// <param name="MaxLifetime">Longest time from opening to expiry.</param>
public sealed record ChannelLimits(Money MinDeposit, TimeSpan MinChallengeWindow, TimeSpan MaxChallengeWindow, TimeSpan MaxLifetime);
