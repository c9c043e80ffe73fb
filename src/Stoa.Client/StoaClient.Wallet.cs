using Stoa.Client.Contracts;

namespace Stoa.Client;

public sealed partial class StoaClient
{
    /// <summary><c>GET /api/v1/wallet</c>: what there is, what is held, what is free.</summary>
    public Task<WalletResponse> GetWalletAsync(CancellationToken cancellationToken = default) =>
        GetAsync("wallet", StoaJson.Default.WalletResponse, cancellationToken);

    /// <summary><c>GET /api/v1/wallet/transfers</c>, newest first, all pages.</summary>
    public IAsyncEnumerable<TransferResponse> ListTransfersAsync(CancellationToken cancellationToken = default) =>
        ListAsync("wallet/transfers", StoaJson.Default.ListResponseTransferResponse, cancellationToken);

    /// <summary><c>POST /api/v1/deposits</c>: credits a user's wallet. Administrators only.</summary>
    public Task<TransferResponse> DepositAsync(DepositRequest request, CancellationToken cancellationToken = default) =>
        PostAsync("deposits", request, StoaJson.Default.DepositRequest, StoaJson.Default.TransferResponse, cancellationToken);
}
