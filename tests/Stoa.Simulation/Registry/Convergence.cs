using Stoa.Market.Registry.Statements;
using Stoa.Primitives;

namespace Stoa.Simulation.Registry;

/// <summary>All honest nodes have the same statements, under each key the same stand, and what is in memory is what is on the disk.</summary>
/// <param name="nodes">The honest ones; those that are down are a violation.</param>
internal sealed class Convergence(IReadOnlyList<RegistryNode> nodes)
{
    /// <summary>Every way in which it is not so.</summary>
    public IEnumerable<string> Violations()
    {
        foreach (var node in nodes.Where(node => !node.IsUp))
            yield return $"{node.Node} is down";
        // Of whoever has most: a node that lacks something differs from it.
        var whole = nodes.MaxBy(node => node.Disk.Statements.Count)!;
        foreach (var node in nodes)
        {
            foreach (var id in whole.Disk.Statements.Keys.Where(id => !node.Disk.Statements.ContainsKey(id)))
                yield return $"{node.Node} lacks {Name(whole, id)}, which {whole.Node} has";
            foreach (var id in node.Disk.Statements.Keys.Where(id => !whole.Disk.Statements.ContainsKey(id)))
                yield return $"{node.Node} has {Name(node, id)}, which {whole.Node} lacks";
            if (node.IsUp && !node.Index.Ids.All.SequenceEqual(node.Disk.Statements.Keys.Order()))
                yield return $"{node.Node} has {node.Index.Ids.Count} ids in memory, and not those of the {node.Disk.Statements.Count} statements on its disk";
        }

        var oracle = new RegistryOracle(nodes.SelectMany(node => node.Disk.Statements.Values));
        foreach (var (key, left) in oracle.Left)
        {
            foreach (var node in nodes.Where(node => !node.Disk.ListByKey(key).Select(statement => statement.Id).SequenceEqual(left.Select(statement => statement.Id))))
                yield return $"under {key} {node.Node} keeps other statements than the {left.Count} that are to be left";
        }
    }

    private static string Name(RegistryNode node, ContentHash id)
    {
        var statement = node.Disk.Statements[id];
        return $"{id} ({statement.Key} at {statement.Hlc})";
    }
}

/// <summary>What was acknowledged is kept everywhere, unless what takes its place is.</summary>
/// <param name="acknowledged">All that honest nodes said that they keep.</param>
/// <param name="nodes">The honest ones.</param>
internal sealed class NothingLost(IReadOnlyList<Statement> acknowledged, IReadOnlyList<RegistryNode> nodes)
{
    /// <summary>Every statement that is lost, and where.</summary>
    public IEnumerable<string> Violations()
    {
        foreach (var node in nodes)
        {
            // What is kept there may be newer than all that was acknowledged: then it stands.
            var oracle = new RegistryOracle(acknowledged.Concat(node.Disk.Statements.Values));
            foreach (var statement in acknowledged.Where(statement => oracle.Keeps(statement) && !node.Disk.Statements.ContainsKey(statement.Id)))
                yield return $"{node.Node} has lost {statement.Id} ({statement.Key} at {statement.Hlc}), and nothing that takes its place";
        }
    }
}

/// <summary>Who has contradicted itself is found out by all, with the same two statements.</summary>
/// <param name="said">All that there ever was, known to whoever asks.</param>
/// <param name="nodes">The honest ones.</param>
internal sealed class Contradictions(IReadOnlyList<Statement> said, IReadOnlyList<RegistryNode> nodes)
{
    /// <summary>Every contradiction that a node has not noticed, has otherwise, or has made up.</summary>
    public IEnumerable<string> Violations()
    {
        var expected = new RegistryOracle(said).Contradictions.Select(one => (one.Key.Signer, Agent: one.Key.Agent!, Version: one.Key.Version!, one.First, one.Second)).ToHashSet();
        foreach (var node in nodes)
        {
            var found = node.Disk.Contradictions.Select(one => (one.Signer, Agent: one.Name, one.Version, one.First, one.Second)).ToHashSet();
            foreach (var one in expected.Except(found))
                yield return $"{node.Node} has not noticed that {one.Signer} contradicts itself about {one.Agent}@{one.Version} with {one.First} and {one.Second}";
            foreach (var one in found.Except(expected))
                yield return $"{node.Node} has noted against {one.Signer} about {one.Agent}@{one.Version} what is not so: {one.First} and {one.Second}";
        }
    }
}

/// <summary>What others can make a node keep has an end, on the disk and in memory.</summary>
/// <param name="nodes">The honest ones.</param>
/// <param name="options">With the limits.</param>
internal sealed class Bounds(IReadOnlyList<RegistryNode> nodes, RegistryWorldOptions options)
{
    /// <summary>Every limit that is exceeded.</summary>
    public IEnumerable<string> Violations()
    {
        var policy = options.Policy;
        foreach (var node in nodes)
        {
            var bySigner = node.Disk.Statements.Values.GroupBy(statement => statement.SignerId)
                .ToDictionary(signer => signer.Key, signer => (Count: signer.LongCount(), Bytes: signer.Sum(statement => (long)statement.Payload.Length)));
            var strangers = 0L;
            foreach (var (signer, kept) in bySigner)
            {
                var usage = node.Disk.Signers.GetValueOrDefault(signer) ?? SignerUsage.None(SignerStanding.Stranger);
                if (usage.Statements != kept.Count || usage.Bytes != kept.Bytes)
                    yield return $"{node.Node} counts {usage.Statements} statements and {usage.Bytes} bytes of {signer}, and keeps {kept.Count} and {kept.Bytes}";
                var quota = usage.Standing is SignerStanding.Own ? policy.Own : usage.Standing is SignerStanding.Stranger ? policy.Stranger : policy.Vouched;
                if (kept.Count > quota.Statements || kept.Bytes > quota.Bytes)
                    yield return $"{node.Node} keeps {kept.Count} statements and {kept.Bytes} bytes of {signer}, who may have {quota.Statements} and {quota.Bytes}";
                strangers += usage.Standing is SignerStanding.Stranger ? kept.Bytes : 0;
            }

            if (strangers > policy.StrangersBytes || strangers != node.Disk.StrangersBytes)
                yield return $"{node.Node} keeps {strangers} bytes of strangers, counts {node.Disk.StrangersBytes}, and may have {policy.StrangersBytes}";
            if (!node.IsUp)
                continue;
            if (node.Unwanted.Count > options.UnwantedCapacity)
                yield return $"{node.Node} remembers {node.Unwanted.Count} statements that it does not want, and may {options.UnwantedCapacity}";
            if (node.Host.Connections.Count > node.Host.Options.MaxConnections)
                yield return $"{node.Node} has {node.Host.Connections.Count} connections, and may have {node.Host.Options.MaxConnections}";
        }
    }
}
