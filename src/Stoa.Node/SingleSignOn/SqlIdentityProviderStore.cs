using System.Text;
using System.Text.Json;
using Stoa.Market.Identity;
using Stoa.Market.SingleSignOn;
using Stoa.Node.Identity;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.SingleSignOn;

/// <summary>The providers of organisations in the database, client secrets sealed.</summary>
public sealed class SqlIdentityProviderStore(Database database, CellKey cell)
{
    private const string Columns = "p.organisation_id, p.issuer, p.client_id, p.sealed_secret, p.domains, p.trusts_email, p.role_claim, p.roles, p.scopes, p.changed_at";

    /// <summary>The provider of an organisation, with its secret; null when it has none.</summary>
    public Task<(IdentityProvider Provider, string Secret)?> FindAsync(Id<User> organisation, CancellationToken cancellationToken) =>
        FindAsync("p.organisation_id = @organisation", new { organisation }, cancellationToken);

    /// <summary>The same by the organisation's handle.</summary>
    public Task<(IdentityProvider Provider, string Secret)?> FindAsync(string organisation, CancellationToken cancellationToken) =>
        FindAsync("u.handle = @organisation", new { organisation }, cancellationToken);

    /// <summary>Sets the provider of an organisation in place of the one before.</summary>
    /// <param name="provider">As it is to be.</param>
    /// <param name="secret">Null for the one that is kept.</param>
    /// <param name="cancellationToken">Stops before anything is written.</param>
    /// <returns>False when no secret is kept, or it is for another issuer or client: it must not be sent there.</returns>
    public Task<bool> PutAsync(IdentityProvider provider, string? secret, CancellationToken cancellationToken) => database.WriteAsync(
        async session =>
        {
            await SqlOrganisationStore.LockAsync(session, provider.OrganisationId);
            var before = await session.QueryFirstOrDefaultAsync<Row>(Select("p.organisation_id = @OrganisationId"), new { provider.OrganisationId });
            if (secret is null && (before is null || !provider.IsSameClientAs(before.ToProvider())))
                return false;
            await session.ExecuteAsync(
                """
                INSERT INTO identity_providers (organisation_id, issuer, client_id, sealed_secret, domains, trusts_email, role_claim, roles, scopes, changed_at)
                VALUES (@OrganisationId, @Issuer, @ClientId, @sealedSecret, @domains, @TrustsEmail, @RoleClaim, @roles, @scopes, @ChangedAt)
                ON CONFLICT (organisation_id) DO UPDATE SET issuer = excluded.issuer, client_id = excluded.client_id, sealed_secret = excluded.sealed_secret,
                    domains = excluded.domains, trusts_email = excluded.trusts_email, role_claim = excluded.role_claim, roles = excluded.roles,
                    scopes = excluded.scopes, changed_at = excluded.changed_at
                """,
                new
                {
                    provider.OrganisationId,
                    provider.Issuer,
                    provider.ClientId,
                    sealedSecret = secret is null ? before!.SealedSecret : cell.Seal(Purpose(provider.OrganisationId), Encoding.UTF8.GetBytes(secret)),
                    domains = JsonSerializer.Serialize([.. provider.Domains], SingleSignOnJson.Default.ListString),
                    provider.TrustsEmail,
                    provider.RoleClaim,
                    roles = JsonSerializer.Serialize(new Dictionary<string, OrganisationRole>(provider.Roles), SingleSignOnJson.Default.DictionaryStringOrganisationRole),
                    scopes = JsonSerializer.Serialize([.. provider.Scopes], SingleSignOnJson.Default.ListString),
                    provider.ChangedAt,
                });
            return true;
        },
        cancellationToken);

    /// <summary>Removes the provider of an organisation; false when it has none.</summary>
    public async Task<bool> DeleteAsync(Id<User> organisation, CancellationToken cancellationToken) => await database.WriteAsync(
        session => session.ExecuteAsync("DELETE FROM identity_providers WHERE organisation_id = @organisation", new { organisation }), cancellationToken) == 1;

    /// <summary>The provider of an organisation, inside an act.</summary>
    internal static async Task<IdentityProvider?> FindAsync(SqlSession session, Id<User> organisation) =>
        (await session.QueryFirstOrDefaultAsync<Row>(Select("p.organisation_id = @organisation"), new { organisation }))?.ToProvider();

    private Task<(IdentityProvider Provider, string Secret)?> FindAsync(string where, object arguments, CancellationToken cancellationToken) =>
        database.ReadAsync<(IdentityProvider Provider, string Secret)?>(
            async session => await session.QueryFirstOrDefaultAsync<Row>(Select(where), arguments) is { } row
                ? (row.ToProvider(), Encoding.UTF8.GetString(cell.Open(Purpose(row.OrganisationId), row.SealedSecret)))
                : null,
            cancellationToken);

    private static string Select(string where) => $"SELECT {Columns} FROM identity_providers AS p JOIN users AS u ON u.id = p.organisation_id WHERE {where}";

    private static string Purpose(Id<User> organisation) => "identity provider of " + organisation;

    private sealed record Row(
        Id<User> OrganisationId, string Issuer, string ClientId, byte[] SealedSecret, string Domains, bool TrustsEmail, string? RoleClaim, string Roles, string Scopes,
        DateTimeOffset ChangedAt)
    {
        public IdentityProvider ToProvider() => new(
            OrganisationId,
            Issuer,
            ClientId,
            JsonSerializer.Deserialize(Domains, SingleSignOnJson.Default.ListString)!,
            TrustsEmail,
            RoleClaim,
            JsonSerializer.Deserialize(Roles, SingleSignOnJson.Default.DictionaryStringOrganisationRole)!,
            JsonSerializer.Deserialize(Scopes, SingleSignOnJson.Default.ListString)!,
            ChangedAt);
    }
}
