using Stoa.Market.Channels;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Primitives;

namespace Stoa.Market.Tests.Channels;

/// <summary>Keys, parties and channels that tests of channels begin with. Amounts are nanodollars.</summary>
internal static class ChannelSamples
{
    public static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public static readonly PrivateKey PayerKey = PrivateKey.Generate();
    public static readonly PrivateKey PayeeKey = PrivateKey.Generate();
    public static readonly PrivateKey NodeKey = PrivateKey.Generate();
    public static readonly PrivateKey OtherNodeKey = PrivateKey.Generate();

    public static readonly ChannelLimits Limits = new(new Money(1), TimeSpan.FromMinutes(1), TimeSpan.FromDays(30), TimeSpan.FromDays(366));

    /// <summary>A channel, open, with nothing settled.</summary>
    /// <param name="deposit">In nanodollars.</param>
    /// <param name="number">Tells channels of one test apart.</param>
    /// <param name="payer">Number of the user who pays.</param>
    /// <param name="payee">Number of the user who is paid.</param>
    public static Channel Open(long deposit, int number = 1, int payer = 1, int payee = 2) => new(
        IdOf<Channel>(number),
        NodeKey.PublicKey.PeerId,
        new ChannelParty(IdOf<User>(payer), $"user-{payer}", WalletOf(payer), PayerKey.PublicKey),
        new ChannelParty(IdOf<User>(payee), $"user-{payee}", WalletOf(payee), PayeeKey.PublicKey),
        EscrowOf(payer),
        TimeSpan.FromHours(1),
        Start,
        Start.AddDays(1),
        new Money(deposit),
        Money.Zero,
        null,
        null,
        new ChannelState.Open());

    public static Id<Account> WalletOf(int user) => IdOf<Account>(user);

    public static Id<Account> EscrowOf(int user) => IdOf<Account>(1_000_000 + user);

    public static Id<T> IdOf<T>(int number)
        where T : IIdentified => new(new Guid(number, 0, 0x7000, 0x80, 0, 0, 0, 0, 0, 0, 1));

    /// <summary>A voucher of the payer, checked.</summary>
    public static Claim Claim(Channel channel, long cumulative) => VoucherCheck.Check(Sign(channel, cumulative), channel.Terms).Value;

    public static Voucher.Signed Sign(Channel channel, long cumulative, PrivateKey? key = null) =>
        new VoucherPayload(channel.Id, channel.Node, new Money(cumulative)).Sign(key ?? PayerKey);

    /// <summary>An agreement of both sides, checked.</summary>
    public static Agreement Agree(Channel channel, long paid) => Agreement.Check(
        Agreement.Accept(Agreement.Propose(channel.Terms, new Money(paid), PayeeKey), PayerKey), channel.Terms).Value;
}
