using Stoa.Market.Registry;
using Stoa.Node.Storage;
using Stoa.Primitives;

namespace Stoa.Node.Registry.Offers;

/// <summary>Programs that this cell has at hand: those of agents that were published here and are offered.</summary>
/// <param name="database">The cell's.</param>
/// <param name="agents">What was published.</param>
public sealed class OwnPrograms(Database database, IAgentStore agents)
{
    /// <summary>Their digests: of those published last, if there are more than are asked for.</summary>
    /// <returns>In the order of the digests.</returns>
    public async Task<IReadOnlyList<ContentHash>> ListAsync(int limit, CancellationToken cancellationToken) =>
        [.. (await database.ReadAsync(
            session => session.QueryAsync<ContentHash>(
                "SELECT program_digest FROM agent_versions WHERE withdrawn_at IS NULL GROUP BY program_digest ORDER BY MAX(published_at) DESC, program_digest LIMIT @limit", new { limit }),
            cancellationToken)).OrderBy(digest => digest.ToString(), StringComparer.Ordinal)];

    /// <summary>The agents whose runs are sold by their programs alone, each the first published of those that have its program: of the programs published last, if there are more than are asked for.</summary>
    /// <returns>In the order of the digests.</returns>
    public async Task<IReadOnlyList<AgentVersion>> ListAloneAsync(int limit, CancellationToken cancellationToken)
    {
        var found = new List<AgentVersion>();
        foreach (var program in await ListAsync(limit, cancellationToken))
        {
            if (await FindAsync(program, cancellationToken) is { Manifest.IsAlone: true } version)
                found.Add(version);
        }

        return found;
    }

    /// <summary>The version that was published first of those that are offered and have a program; null when none is.</summary>
    public async Task<AgentVersion?> FindAsync(ContentHash program, CancellationToken cancellationToken) =>
        await database.ReadAsync(
            session => session.QueryFirstOrDefaultAsync<Id<AgentVersion>?>(
                "SELECT id FROM agent_versions WHERE program_digest = @program AND withdrawn_at IS NULL ORDER BY published_at, id LIMIT 1", new { program }),
            cancellationToken) is { } id
                ? await agents.GetAsync(id, cancellationToken)
                : null;

    /// <summary>The same where it has a name, calls nobody and asks no model: a program that several executors run is told its agent's name.</summary>
    public async Task<AgentVersion?> FindAsync(ContentHash program, string name, CancellationToken cancellationToken) =>
        await FindAsync(program, cancellationToken) is { Manifest.IsAlone: true } version && version.Manifest.Name == name ? version : null;
}
