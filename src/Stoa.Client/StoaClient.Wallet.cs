using System.Globalization;
using System.Runtime.CompilerServices;
using Stoa.Client.Contracts;
using Stoa.Primitives;

namespace Stoa.Client;

public sealed partial class StoaClient
{
    /// <summary><c>GET /api/v1/wallet</c>: what there is, what is held, what is free.</summary>
    public Task<WalletResponse> GetWalletAsync(CancellationToken cancellationToken = default) =>
        GetAsync("wallet", StoaJson.Default.WalletResponse, cancellationToken);

    /// <summary><c>GET /api/v1/wallet/transfers</c>, newest first, all pages.</summary>
    public IAsyncEnumerable<TransferResponse> ListTransfersAsync(CancellationToken cancellationToken = default) =>
        ListAsync("wallet/transfers", StoaJson.Default.ListResponseTransferResponse, cancellationToken);

    /// <summary><c>GET /api/v1/wallet/transfers.csv</c>: the whole statement as CSV, newest first.</summary>
    public Task ExportTransfersAsync(Stream destination, CancellationToken cancellationToken = default) =>
        CopyAsync("wallet/transfers.csv", destination, cancellationToken);

    /// <summary><c>GET /api/v1/ledger/checkpoint</c>: where the journal ends, signed by the node.</summary>
    public Task<DsseEnvelope> GetCheckpointAsync(CancellationToken cancellationToken = default) =>
        GetAsync("ledger/checkpoint", StoaJson.Default.DsseEnvelope, cancellationToken);

    /// <summary><c>GET /api/v1/ledger/accounts</c>, all pages. Administrators only.</summary>
    public IAsyncEnumerable<AccountResponse> ListAccountsAsync(CancellationToken cancellationToken = default) =>
        ListAsync("ledger/accounts", StoaJson.Default.ListResponseAccountResponse, cancellationToken);

    /// <summary><c>GET /api/v1/ledger/blocks</c>: the journal from a block on, to its end. Administrators only.</summary>
    /// <param name="after">The number of a block; 0 to begin.</param>
    /// <param name="cancellationToken">Stops it.</param>
    public async IAsyncEnumerable<JournalBlockResponse> ReadJournalAsync(long after = 0, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        while (await GetAsync(
            string.Create(CultureInfo.InvariantCulture, $"ledger/blocks?after={after}"), StoaJson.Default.JournalBlocksResponse, cancellationToken) is { Blocks: { Count: > 0 } blocks })
        {
            foreach (var block in blocks)
                yield return block;
            after = blocks[^1].Number;
        }
    }

    /// <summary><c>POST /api/v1/deposits</c>: credits a user's wallet. Administrators only.</summary>
    public Task<TransferResponse> DepositAsync(DepositRequest request, CancellationToken cancellationToken = default) =>
        PostAsync("deposits", request, StoaJson.Default.DepositRequest, StoaJson.Default.TransferResponse, cancellationToken);

    private async Task CopyAsync(string path, Stream destination, CancellationToken cancellationToken)
    {
        using var response = await SendAsync(new Call(HttpMethod.Get, path), cancellationToken);
        await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
        await foreach (var part in ReadPartsAsync(body, cancellationToken))
            await destination.WriteAsync(part, cancellationToken);
    }
}
