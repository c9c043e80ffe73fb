using Stoa.Client.Contracts;
using Stoa.Primitives;

namespace Stoa.Client;

public sealed partial class StoaClient
{
    /// <summary><c>POST /api/v1/channels</c>: deposits money in a new payment channel.</summary>
    public Task<ChannelResponse> OpenChannelAsync(OpenChannelRequest request, CancellationToken cancellationToken = default) =>
        PostAsync("channels", request, StoaJson.Default.OpenChannelRequest, StoaJson.Default.ChannelResponse, cancellationToken);

    /// <summary><c>GET /api/v1/channels</c>, all pages, newest first.</summary>
    /// <param name="role"><c>payer</c> or <c>payee</c>; null for both.</param>
    /// <param name="state"><c>open</c>, <c>closing</c> or <c>closed</c>; null for all.</param>
    /// <param name="cancellationToken">Stops asking.</param>
    public IAsyncEnumerable<ChannelResponse> ListChannelsAsync(string? role = null, string? state = null, CancellationToken cancellationToken = default) =>
        ListAsync("channels" + Query(("role", role), ("state", state)), StoaJson.Default.ListResponseChannelResponse, cancellationToken);

    /// <summary><c>GET /api/v1/channels/{id}</c>, with the node's signed statement.</summary>
    public Task<ChannelResponse> GetChannelAsync(string id, CancellationToken cancellationToken = default) =>
        GetAsync(ChannelPath(id), StoaJson.Default.ChannelResponse, cancellationToken);

    /// <summary><c>PUT /api/v1/channels/{id}/deposit</c>: raises the deposit to an amount in all.</summary>
    public Task<ChannelResponse> RaiseDepositAsync(string id, string deposit, CancellationToken cancellationToken = default) => SendAsync(
        new Call(HttpMethod.Put, ChannelPath(id) + "/deposit", () => JsonBody(new RaiseDepositRequest(deposit), StoaJson.Default.RaiseDepositRequest)),
        StoaJson.Default.ChannelResponse,
        cancellationToken);

    /// <summary><c>POST /api/v1/channels/{id}/vouchers</c>: has a voucher paid, or challenges a closing with it. The same one again changes nothing.</summary>
    public Task<ChannelResponse> SettleVoucherAsync(string id, VoucherBody voucher, CancellationToken cancellationToken = default) =>
        PostAsync(ChannelPath(id) + "/vouchers", voucher, StoaJson.Default.VoucherBody, StoaJson.Default.ChannelResponse, cancellationToken);

    /// <summary><c>POST /api/v1/channels/settlements</c>: has the vouchers of many channels paid by few transfers. Each is refused for itself.</summary>
    public Task<SettlementResponse> SettleVouchersAsync(IReadOnlyList<ChannelVoucherBody> vouchers, CancellationToken cancellationToken = default) => PostAsync(
        "channels/settlements", new SettleVouchersRequest(vouchers), StoaJson.Default.SettleVouchersRequest, StoaJson.Default.SettlementResponse, cancellationToken);

    /// <summary><c>POST /api/v1/channels/{id}/closing</c>: starts the challenge window.</summary>
    /// <param name="id">The channel.</param>
    /// <param name="voucher">The highest that you know of; null for none.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public Task<ChannelResponse> CloseChannelAsync(string id, VoucherBody? voucher = null, CancellationToken cancellationToken = default) => PostAsync(
        ChannelPath(id) + "/closing", new CloseChannelRequest(voucher), StoaJson.Default.CloseChannelRequest, StoaJson.Default.ChannelResponse, cancellationToken);

    /// <summary><c>PUT /api/v1/channels/{id}/agreement</c>: ends the channel at once, by what both sides have signed.</summary>
    public Task<ChannelResponse> AgreeOnChannelAsync(string id, DsseEnvelope agreement, CancellationToken cancellationToken = default) => SendAsync(
        new Call(HttpMethod.Put, ChannelPath(id) + "/agreement", () => JsonBody(new AgreeOnChannelRequest(agreement), StoaJson.Default.AgreeOnChannelRequest)),
        StoaJson.Default.ChannelResponse,
        cancellationToken);

    private static string ChannelPath(string id) => $"channels/{Uri.EscapeDataString(id)}";
}
