using Stoa.Market.Channels;
using Stoa.Market.Identity;
using Stoa.Market.Ledger;
using Stoa.Primitives;

namespace Stoa.Node.Channels;

/// <summary>A row of <c>channels</c>.</summary>
internal sealed record ChannelRow(
    Id<Channel> Id,
    PeerId Node,
    Id<User> PayerId,
    string Payer,
    Id<Account> PayerWalletId,
    byte[] PayerKey,
    Id<User> PayeeId,
    string Payee,
    Id<Account> PayeeWalletId,
    byte[] PayeeKey,
    Id<Account> EscrowId,
    long ChallengeWindowMs,
    DateTimeOffset OpenedAt,
    DateTimeOffset ExpiresAt,
    Money Deposit,
    Money Settled,
    byte[]? Proof,
    byte[]? Agreement,
    string State,
    ChannelSide? ClosingBy,
    DateTimeOffset? ClosingAt,
    DateTimeOffset? EndsAt,
    DateTimeOffset? ClosedAt,
    bool? Agreed,
    DateTimeOffset? DueAt)
{
    public const string Columns =
        """
        id, node, payer_id, payer, payer_wallet_id, payer_key, payee_id, payee, payee_wallet_id, payee_key, escrow_id, challenge_window_ms,
        opened_at, expires_at, deposit, settled, proof, agreement, state, closing_by, closing_at, ends_at, closed_at, agreed, due_at
        """;

    public const string Insert =
        $"""
        INSERT INTO channels ({Columns})
        VALUES (@Id, @Node, @PayerId, @Payer, @PayerWalletId, @PayerKey, @PayeeId, @Payee, @PayeeWalletId, @PayeeKey, @EscrowId, @ChallengeWindowMs,
            @OpenedAt, @ExpiresAt, @Deposit, @Settled, @Proof, @Agreement, @State, @ClosingBy, @ClosingAt, @EndsAt, @ClosedAt, @Agreed, @DueAt)
        """;

    /// <summary>What of a channel can change.</summary>
    public const string Update =
        """
        UPDATE channels SET deposit = @Deposit, settled = @Settled, proof = @Proof, agreement = @Agreement, state = @State, closing_by = @ClosingBy,
            closing_at = @ClosingAt, ends_at = @EndsAt, closed_at = @ClosedAt, agreed = @Agreed, due_at = @DueAt
        WHERE id = @Id
        """;

    public static ChannelRow Of(Channel channel)
    {
        var (closing, closed) = (channel.State as ChannelState.Closing, channel.State as ChannelState.Closed);
        return new ChannelRow(
            channel.Id,
            channel.Node,
            channel.Payer.User,
            channel.Payer.Handle,
            channel.Payer.Wallet,
            channel.Payer.Key.ToSpki(),
            channel.Payee.User,
            channel.Payee.Handle,
            channel.Payee.Wallet,
            channel.Payee.Key.ToSpki(),
            channel.Escrow,
            (long)channel.ChallengeWindow.TotalMilliseconds,
            channel.OpenedAt,
            channel.ExpiresAt,
            channel.Deposit,
            channel.Settled,
            channel.Proof is { } proof ? VoucherJson.Write(proof) : null,
            channel.Agreement?.ToJson(),
            channel.State.GetType().Name,
            closing?.By,
            closing?.StartedAt,
            closing?.EndsAt,
            closed?.At,
            closed?.Agreed,
            closed is not null ? null : closing?.EndsAt ?? channel.ExpiresAt);
    }

    public Channel ToChannel() => new(
        Id,
        Node,
        new ChannelParty(PayerId, Payer, PayerWalletId, PublicKey.FromSpki(PayerKey)),
        new ChannelParty(PayeeId, Payee, PayeeWalletId, PublicKey.FromSpki(PayeeKey)),
        EscrowId,
        TimeSpan.FromMilliseconds(ChallengeWindowMs),
        OpenedAt,
        ExpiresAt,
        Deposit,
        Settled,
        Proof is null ? null : VoucherJson.Read(Proof),
        Agreement is null ? null : DsseEnvelope.FromJson(Agreement),
        State switch
        {
            nameof(ChannelState.Open) => new ChannelState.Open(),
            nameof(ChannelState.Closing) => new ChannelState.Closing(ClosingBy, ClosingAt!.Value, EndsAt!.Value),
            nameof(ChannelState.Closed) => new ChannelState.Closed(ClosedAt!.Value, Agreed!.Value),
            _ => throw new InvalidOperationException($"{Id} is in the unknown state {State}."),
        });
}
