using Stoa.Client.Contracts;

namespace Stoa.Client;

public sealed partial class StoaClient
{
    /// <summary><c>POST /api/v1/suppliers</c>: has the node give tasks to another operator's node. Administrators only.</summary>
    public Task<SupplierResponse> AddSupplierAsync(AddSupplierRequest request, CancellationToken cancellationToken = default) =>
        PostAsync("suppliers", request, StoaJson.Default.AddSupplierRequest, StoaJson.Default.SupplierResponse, cancellationToken);

    /// <summary><c>GET /api/v1/suppliers</c>, all pages. Administrators only.</summary>
    public IAsyncEnumerable<SupplierResponse> ListSuppliersAsync(CancellationToken cancellationToken = default) =>
        ListAsync("suppliers", StoaJson.Default.ListResponseSupplierResponse, cancellationToken);

    /// <summary><c>GET /api/v1/suppliers/{id}</c>. Administrators only.</summary>
    public Task<SupplierResponse> GetSupplierAsync(string id, CancellationToken cancellationToken = default) =>
        GetAsync(SupplierPath(id), StoaJson.Default.SupplierResponse, cancellationToken);

    /// <summary><c>DELETE /api/v1/suppliers/{id}</c>: gives it no more tasks. Administrators only.</summary>
    public Task RemoveSupplierAsync(string id, CancellationToken cancellationToken = default) => DeleteAsync(SupplierPath(id), cancellationToken);

    private static string SupplierPath(string id) => $"suppliers/{Uri.EscapeDataString(id)}";
}
