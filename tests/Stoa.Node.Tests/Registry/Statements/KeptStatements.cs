using Stoa.Market;
using Stoa.Market.Registry.Statements;
using Stoa.Node.Registry.Replication;
using Stoa.Node.Registry.Statements;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Tests.Registry.Statements;

/// <summary>What a database keeps of the registry, as those read it who follow it or show it.</summary>
internal static class KeptStatements
{
    private const int Most = 1_000;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    /// <summary>All statements, in the order in which they came.</summary>
    public static async Task<IReadOnlyList<Statement>> ListStatementsAsync(this Database database)
    {
        var store = new SqlStatementStore(database, AdmissionPolicy.Default);
        var changes = await new SqlStatementChanges(database).ReadAsync(default, Most, Stop);
        changes.HasMore.ShouldBeFalse();
        List<Statement> statements = [];
        foreach (var id in changes.Added)
            statements.Add((await store.FindAsync(id, Stop)).ShouldNotBeNull());
        return statements;
    }

    /// <summary>What a signer has; null when it has nothing and nobody vouches for it.</summary>
    public static async Task<SignerUsage?> FindSignerAsync(this Database database, PeerId signer) =>
        (await new SqlSigners(database).ListAsync(standing: null, new PageRequest(Most), Stop)).Items.SingleOrDefault(known => known.Key == signer)?.Usage;
}
