using Stoa.Market.Registry;
using Stoa.Market.Selection;

namespace Stoa.Market.Tasks;

/// <summary>Whether agents take the input and the parameters of one task; what a schema says is remembered.</summary>
/// <param name="parameters">Settings by name.</param>
/// <param name="input">The input's bytes; null when there are more than are checked against a schema.</param>
internal sealed class TaskFit(IReadOnlyDictionary<string, string> parameters, ReadOnlyMemory<byte>? input)
{
    private readonly Dictionary<string, bool> _schemas = new(StringComparer.Ordinal);

    /// <summary>The input is sealed: no schema can be checked, and none speaks against an agent.</summary>
    public bool IsSealed { get; init; }

    public bool Takes(IndexedAgent agent) =>
        TaskRules.CheckParameters(agent.Parameters, parameters).Refusal is null && FitsSchema(agent.Input.Schema);

    private bool FitsSchema(string? schema)
    {
        if (schema is null || IsSealed)
            return true;
        if (input is not { } bytes)
            return false;
        if (!_schemas.TryGetValue(schema, out var fits))
            _schemas.Add(schema, fits = PortSchema.Validate(schema, bytes).Count == 0);
        return fits;
    }
}
