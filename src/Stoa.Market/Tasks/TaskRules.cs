using System.Globalization;
using Stoa.Market.Registry;
using Stoa.Market.Selection;

namespace Stoa.Market.Tasks;

/// <summary>What a request may ask of an agent.</summary>
public static class TaskRules
{
    /// <summary>The longest value of a parameter: 4,096 characters.</summary>
    public const int MaxParameterLength = 4_096;

    // More reasons than these help nobody, and each names all that the agent takes.
    private const int MaxUnknownTold = 32;

    /// <summary>Checks settings against what the agent declares, and puts them into its order.</summary>
    public static Outcome<IReadOnlyList<TaskParameter>, TaskRefusal> CheckParameters(
        IReadOnlyList<AgentParameter> declared, IReadOnlyDictionary<string, string> given)
    {
        var errors = new List<FieldError>();
        foreach (var name in given.Keys.Where(name => declared.All(parameter => parameter.Name != name)).Order(StringComparer.Ordinal).Take(MaxUnknownTold))
            errors.Add(At(name, declared.Count == 0 ? "The agent takes no parameters." : $"The agent takes {string.Join(", ", declared.Select(parameter => parameter.Name))}."));
        var accepted = new List<TaskParameter>();
        foreach (var parameter in declared)
        {
            if (!given.TryGetValue(parameter.Name, out var value))
                continue;
            if (Misfit(parameter, value) is { } reason)
                errors.Add(At(parameter.Name, reason));
            else
                accepted.Add(new TaskParameter(parameter.Name, value));
        }

        return errors.Count == 0
            ? accepted
            : new Refusal<TaskRefusal>(TaskRefusal.ParametersInvalid, "The agent does not take these parameters.", errors);

        static FieldError At(string name, string reason) => new($"/parameters/{JsonFields.Escape(name)}", reason);
    }

    /// <summary>Puts the agent's limits where the request has none, and checks the others.</summary>
    public static Outcome<AgentLimits, TaskRefusal> CheckLimits(AgentLimits agent, RequestedLimits requested, long maxMemoryBytes)
    {
        var errors = new List<FieldError>();
        var limits = new AgentLimits(
            Check("fuel", requested.Fuel, agent.Fuel),
            Check("memoryBytes", requested.MemoryBytes, agent.MemoryBytes),
            Check("timeoutMs", requested.TimeoutMs, agent.TimeoutMs),
            Check("outputBytes", requested.OutputBytes, agent.OutputBytes),
            Check("logBytes", requested.LogBytes, agent.LogBytes));
        if (errors.Count == 0 && limits.MemoryBytes > maxMemoryBytes)
            errors.Add(new FieldError("/limits/memoryBytes", $"This node gives a task at most {maxMemoryBytes} bytes of memory; the task would get {limits.MemoryBytes}."));
        return errors.Count == 0
            ? limits
            : new Refusal<TaskRefusal>(TaskRefusal.LimitsInvalid, "The limits are above 0 and at most those of the agent's manifest.", errors);

        long Check(string name, long? asked, long most)
        {
            if (asked is { } value && (value <= 0 || value > most))
                errors.Add(new FieldError($"/limits/{name}", $"1 to {most} is expected, not {value}."));
            return asked ?? most;
        }
    }

    /// <summary>Limits of a request that no agent is known for yet.</summary>
    public static Outcome<LimitCaps, TaskRefusal> CheckCaps(RequestedLimits requested)
    {
        (string Name, long? Asked)[] asked =
        [
            ("fuel", requested.Fuel), ("memoryBytes", requested.MemoryBytes), ("timeoutMs", requested.TimeoutMs),
            ("outputBytes", requested.OutputBytes), ("logBytes", requested.LogBytes),
        ];
        var errors = asked.Where(limit => limit.Asked <= 0).Select(limit => new FieldError($"/limits/{limit.Name}", "More than 0 is expected.")).ToList();
        return errors.Count == 0
            ? new LimitCaps(requested.Fuel, requested.MemoryBytes, requested.TimeoutMs)
            : new Refusal<TaskRefusal>(TaskRefusal.LimitsInvalid, "Limits are above 0.", errors);
    }

    /// <summary>The agent's limits, cut to those of the request: what a task of a chosen agent gets.</summary>
    public static AgentLimits CapLimits(AgentLimits agent, RequestedLimits requested) => new(
        Math.Min(agent.Fuel, requested.Fuel ?? long.MaxValue),
        Math.Min(agent.MemoryBytes, requested.MemoryBytes ?? long.MaxValue),
        Math.Min(agent.TimeoutMs, requested.TimeoutMs ?? long.MaxValue),
        Math.Min(agent.OutputBytes, requested.OutputBytes ?? long.MaxValue),
        Math.Min(agent.LogBytes, requested.LogBytes ?? long.MaxValue));

    private static string? Misfit(AgentParameter parameter, string value)
    {
        if (value.Length > MaxParameterLength)
            return $"At most {MaxParameterLength} characters are expected, not {value.Length}.";
        if (value.Contains('\0', StringComparison.Ordinal))
            return "A program's arguments cannot contain the NUL character.";
        return parameter.Type switch
        {
            AgentParameterType.String => null,
            AgentParameterType.Integer => long.TryParse(value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out _)
                ? null : "A whole number is expected.",
            AgentParameterType.Number => double.TryParse(value, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number)
                ? null : "A number is expected.",
            AgentParameterType.Boolean => value is "true" or "false" ? null : "true or false is expected.",
            AgentParameterType.Choice => parameter.Values.Contains(value) ? null : $"One of {string.Join(", ", parameter.Values)} is expected.",
            _ => throw new InvalidOperationException($"Unknown parameter type {parameter.Type}."),
        };
    }
}
