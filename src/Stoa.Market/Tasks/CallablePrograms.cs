using Stoa.Market.Registry;
using Stoa.Primitives;
using Stoa.Wasm;

namespace Stoa.Market.Tasks;

/// <summary>What an agent may call, with the programs: all of them are there before it begins, so that a call waits for no disk.</summary>
/// <param name="Tree">Who may call whom.</param>
/// <param name="Modules">The programs by their digests.</param>
public sealed record CallablePrograms(CallTree Tree, IReadOnlyDictionary<ContentHash, Module> Modules)
{
    /// <summary>Of an agent that calls nobody.</summary>
    public static CallablePrograms None { get; } = new(CallTree.None, new Dictionary<ContentHash, Module>());

    /// <summary>Loads the programs of a tree.</summary>
    public static async Task<CallablePrograms> LoadAsync(CallTree tree, Func<AgentVersion, Task<Module>> load)
    {
        if (tree.IsEmpty)
            return None;
        var modules = new Dictionary<ContentHash, Module>();
        foreach (var agent in tree.Agents)
        {
            if (!modules.ContainsKey(agent.ProgramDigest))
                modules.Add(agent.ProgramDigest, await load(agent));
        }

        return new CallablePrograms(tree, modules);
    }
}
