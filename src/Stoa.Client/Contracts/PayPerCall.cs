namespace Stoa.Client.Contracts;

/// <summary>How a call can be paid for: the header <c>PAYMENT-REQUIRED</c> of an answer 402, base64 of this as JSON, in the manner of x402 version 2.</summary>
/// <param name="X402Version">2.</param>
/// <param name="Resource">What is paid for.</param>
/// <param name="Accepts">The ways; take the first that you can.</param>
/// <param name="Error">Why a payment that was sent does not do; null when none was.</param>
public sealed record PaymentRequired(int X402Version, PaidResource Resource, IReadOnlyList<PaymentRequirements> Accepts, string? Error = null);

/// <summary>What is paid for.</summary>
/// <param name="Url">Its address.</param>
/// <param name="Description">What it does.</param>
/// <param name="MimeType">What it answers.</param>
public sealed record PaidResource(string Url, string Description, string MimeType);

/// <summary>A way to pay.</summary>
/// <param name="Scheme"><c>stoa-channel</c>: a voucher of a payment channel for at most the amount; what is not used is credit for the next call.</param>
/// <param name="Network"><c>stoa:</c> and the peer id of the node whose channels are meant.</param>
/// <param name="Amount">The most that the call can cost; decimal string in US dollars.</param>
/// <param name="Asset"><c>USD</c>.</param>
/// <param name="PayTo">Handle of the payee of the channel.</param>
/// <param name="MaxTimeoutSeconds">How long the line is held for the result.</param>
/// <param name="Extra">What the scheme needs beside that.</param>
public sealed record PaymentRequirements(
    string Scheme, string Network, string Amount, string Asset, string PayTo, int MaxTimeoutSeconds, ChannelRequirements? Extra = null);

/// <summary>What a voucher has to be like.</summary>
/// <param name="PayeeKey">Open the channel with this key of the payee; base64 of its SubjectPublicKeyInfo.</param>
/// <param name="Cumulative">What the voucher has to say in all; null as long as the node does not know the channel.</param>
public sealed record ChannelRequirements(string PayeeKey, string? Cumulative = null);

/// <summary>A payment: the header <c>PAYMENT-SIGNATURE</c> of a request, base64 of this as JSON.</summary>
/// <param name="X402Version">2.</param>
/// <param name="Accepted">The way that was taken, as it was given.</param>
/// <param name="Payload">The payment.</param>
public sealed record PaymentPayload(int X402Version, PaymentRequirements Accepted, ChannelVoucherBody Payload);

/// <summary>What came of a payment: the header <c>PAYMENT-RESPONSE</c> of an answer, base64 of this as JSON.</summary>
/// <param name="Success">Whether something was charged for.</param>
/// <param name="Network">As in the requirements.</param>
/// <param name="Payer">Handle of who opened the channel.</param>
/// <param name="Transaction">Id of the receipt; of the task where there is none.</param>
/// <param name="Amount">What was charged; decimal string in US dollars.</param>
/// <param name="ErrorReason">Why nothing was.</param>
public sealed record PaymentOutcome(bool Success, string Network, string Payer, string Transaction, string Amount, string? ErrorReason = null);

/// <summary>A call that has not ended yet.</summary>
/// <param name="Id">Of the task that does it.</param>
/// <param name="State"><c>queued</c> or <c>running</c>; of one that was cancelled <c>cancelled</c>.</param>
/// <param name="Result">Where its result is to be fetched, with the same payment.</param>
public sealed record PaidCallResponse(string Id, string State, string Result);

/// <summary>What a call of a program can cost.</summary>
/// <param name="Agent">Full name of the version that would be called: one of this node that has the program.</param>
/// <param name="Amount">The most that it can cost; decimal string in US dollars.</param>
/// <param name="Node">Peer id of the node.</param>
public sealed record ProgramQuoteResponse(string Agent, string Amount, string Node);

/// <summary>What came of a call of a program. Not on the wire.</summary>
/// <param name="Payment">What was charged.</param>
/// <param name="CallId">Id of the task that did it, by which its receipt is had; empty when the node has not told.</param>
/// <param name="Paid">The payment that it was had for.</param>
public sealed record ProgramCallOutcome(PaymentOutcome Payment, string CallId, PaymentPayload Paid);

/// <summary>What is chance otherwise: with the same of it a program does the same at every node.</summary>
/// <param name="Seed">Of the agent's random source.</param>
/// <param name="ClockMs">Unix time in milliseconds at which the agent's clock begins.</param>
public sealed record CallWorld(long Seed, long ClockMs);
