using Stoa.Primitives;

namespace Stoa.Client.Contracts;

/// <summary><c>POST /api/v1/channels</c>.</summary>
/// <param name="Payee">Handle of the user who is to be paid.</param>
/// <param name="PayerKey">Your public key, which will sign vouchers: P-256, base64 of SubjectPublicKeyInfo.</param>
/// <param name="PayeeKey">The payee's public key, as the payee told you: P-256, base64 of SubjectPublicKeyInfo.</param>
/// <param name="Deposit">What is taken from your wallet and held, in US dollars.</param>
/// <param name="ChallengeWindowSeconds">How long a closing waits for a higher voucher; null for the node's default, a day.</param>
/// <param name="ExpiresAt">When the node starts the closing by itself; null for the node's default, in 90 days.</param>
public sealed record OpenChannelRequest(
    string Payee, string PayerKey, string PayeeKey, string Deposit, int? ChallengeWindowSeconds = null, DateTimeOffset? ExpiresAt = null);

/// <summary>A voucher: signed, or a word of a chain whose anchor is signed.</summary>
/// <param name="Envelope">The signed voucher, or the signed commitment to the chain.</param>
/// <param name="Index">For a word of a chain: how many steps it is from the anchor.</param>
/// <param name="Word">For a word of a chain: 64 lower-case hex digits.</param>
public sealed record VoucherBody(DsseEnvelope Envelope, int? Index = null, string? Word = null);

/// <summary>A payment channel.</summary>
/// <param name="Id">TypeID with prefix <c>chan</c>.</param>
/// <param name="State"><c>open</c>, <c>closing</c> or <c>closed</c>.</param>
/// <param name="Role">What you are in it: <c>payer</c> or <c>payee</c>.</param>
/// <param name="Payer">Handle of the user whose deposit it is.</param>
/// <param name="Payee">Handle of the user who is paid.</param>
/// <param name="PayerKey">Signs vouchers: base64 of SubjectPublicKeyInfo.</param>
/// <param name="PayeeKey">Signs agreements: base64 of SubjectPublicKeyInfo.</param>
/// <param name="Node">Peer id of the node that opened it. Vouchers name it.</param>
/// <param name="Deposit">All that was paid in, in US dollars.</param>
/// <param name="Settled">What of it the payee has been paid.</param>
/// <param name="Remaining">What is still held.</param>
/// <param name="ChallengeWindowSeconds">How long a closing waits for a higher voucher.</param>
/// <param name="OpenedAt">When it was opened.</param>
/// <param name="ExpiresAt">When the node starts the closing by itself.</param>
/// <param name="ClosingBy">While closing: <c>payer</c>, <c>payee</c>, or <c>expiry</c>.</param>
/// <param name="EndsAt">While closing: the end of the challenge window.</param>
/// <param name="ClosedAt">When it was closed.</param>
/// <param name="Agreed">When closed: whether both signed the end.</param>
/// <param name="Voucher">What the settled amount stands on.</param>
/// <param name="Agreement">What both signed.</param>
/// <param name="Statement">All of this, signed by the node: keep it. Not in lists.</param>
public sealed record ChannelResponse(
    string Id,
    string State,
    string Role,
    string Payer,
    string Payee,
    string PayerKey,
    string PayeeKey,
    string Node,
    string Deposit,
    string Settled,
    string Remaining,
    double ChallengeWindowSeconds,
    DateTimeOffset OpenedAt,
    DateTimeOffset ExpiresAt,
    string? ClosingBy = null,
    DateTimeOffset? EndsAt = null,
    DateTimeOffset? ClosedAt = null,
    bool? Agreed = null,
    VoucherBody? Voucher = null,
    DsseEnvelope? Agreement = null,
    DsseEnvelope? Statement = null);

/// <summary><c>PUT /api/v1/channels/{id}/deposit</c>.</summary>
/// <param name="Deposit">What it shall be in all, in US dollars.</param>
public sealed record RaiseDepositRequest(string Deposit);

/// <summary><c>POST /api/v1/channels/{id}/closing</c>.</summary>
/// <param name="Voucher">The highest voucher that you know of; it is paid at once. Null for none.</param>
public sealed record CloseChannelRequest(VoucherBody? Voucher = null);

/// <summary><c>PUT /api/v1/channels/{id}/agreement</c>.</summary>
/// <param name="Envelope">The agreement, signed by both sides.</param>
public sealed record AgreeOnChannelRequest(DsseEnvelope Envelope);

/// <summary>A voucher of one of many channels.</summary>
/// <param name="ChannelId">The channel.</param>
/// <param name="Voucher">The voucher.</param>
public sealed record ChannelVoucherBody(string ChannelId, VoucherBody Voucher);

/// <summary><c>POST /api/v1/channels/settlements</c>.</summary>
/// <param name="Vouchers">At most 1,000.</param>
public sealed record SettleVouchersRequest(IReadOnlyList<ChannelVoucherBody> Vouchers);

/// <summary>What came of one voucher of many.</summary>
/// <param name="ChannelId">The channel.</param>
/// <param name="Paid">What the payee got by it, in US dollars; null when it was refused.</param>
/// <param name="Code">Why it was refused: a code of docs/problems.md.</param>
/// <param name="Detail">What happened and what to do next.</param>
public sealed record SettledVoucherBody(string ChannelId, string? Paid = null, string? Code = null, string? Detail = null);

/// <summary>Many vouchers that were settled together, by few transfers.</summary>
/// <param name="Id">TypeID with prefix <c>net</c>: the cause of transfers that stand for several channels.</param>
/// <param name="Paid">What the payees got in all.</param>
/// <param name="Transfers">How many transfers it took.</param>
/// <param name="Results">For each voucher, in order.</param>
public sealed record SettlementResponse(string Id, string Paid, int Transfers, IReadOnlyList<SettledVoucherBody> Results);
