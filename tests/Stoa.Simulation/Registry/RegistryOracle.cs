using Stoa.Market.Registry.Statements;
using Stoa.Primitives;

namespace Stoa.Simulation.Registry;

/// <summary>What is to be left of statements, by the words of the registry's documentation and not by the code that merges: of each key the newest, or the first and the first that says something else.</summary>
internal sealed class RegistryOracle
{
    private readonly Dictionary<MergeKey, List<Statement>> _left = [];

    public RegistryOracle(IEnumerable<Statement> said)
    {
        foreach (var key in said.DistinctBy(statement => statement.Id).GroupBy(statement => statement.Key))
        {
            var inOrder = key.OrderBy(statement => statement.Hlc.Packed).ThenBy(statement => statement.Id.ToString(), StringComparer.Ordinal).ToList();
            _left.Add(key.Key, key.Key.Kind.Rule() is MergeRule.Newest
                ? [inOrder[^1]]
                : [inOrder[0], .. inOrder.Where(statement => statement.Item.Said != inOrder[0].Item.Said).Take(1)]);
        }
    }

    /// <summary>What is left of each key.</summary>
    public IReadOnlyDictionary<MergeKey, List<Statement>> Left => _left;

    /// <summary>Keys whose signer has contradicted itself, with the ids of both.</summary>
    public IEnumerable<(MergeKey Key, ContentHash First, ContentHash Second)> Contradictions =>
        _left.Where(key => key.Value.Count > 1).Select(key => (key.Key, key.Value[0].Id, key.Value[1].Id));

    /// <summary>Whether a statement is among what is left.</summary>
    public bool Keeps(Statement statement) => _left.TryGetValue(statement.Key, out var left) && left.Exists(one => one.Id == statement.Id);
}
