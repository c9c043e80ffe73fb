namespace Stoa.Node.Hosting;

/// <summary>Binds each room's options record from its section, and gathers everything that is wrong before anything starts.</summary>
public static class RoomOptions
{
    /// <summary>The section that holds all of the node's options.</summary>
    public const string Root = "Stoa";

    private static readonly object s_findingsKey = new();

    /// <summary>Binds the section <c>Stoa:{room}</c> and registers the record. What is wrong is told by <see cref="RefuseBadOptions"/>.</summary>
    /// <param name="builder">Whose configuration and services.</param>
    /// <param name="room">Name of the section.</param>
    /// <param name="defaults">Used when the section is absent.</param>
    /// <param name="validate">Every reason against a record; null when all values are good.</param>
    public static T AddRoomOptions<T>(
        this IHostApplicationBuilder builder, string room, T defaults, Func<T, IEnumerable<string>>? validate = null)
        where T : class
    {
        var findings = Findings.Of(builder);
        findings.Rooms.Add(room);
        var section = builder.Configuration.GetSection(Root).GetSection(room);
        var unreadable = FindUnreadable<T>(room, section).ToList();
        findings.Reasons.AddRange(unreadable);
        var options = unreadable.Count == 0 ? section.Get<T>() ?? defaults : defaults;
        findings.Reasons.AddRange(validate?.Invoke(options) ?? []);
        builder.Services.AddSingleton(options);
        return options;
    }

    /// <summary>Called when every room has added its options.</summary>
    /// <exception cref="BadOptionsException">Something is wrong with them.</exception>
    public static void RefuseBadOptions(this IHostApplicationBuilder builder)
    {
        var findings = Findings.Of(builder);
        findings.Reasons.AddRange(builder.Configuration.GetSection(Root).GetChildren()
            .Where(section => !findings.Rooms.Contains(section.Key))
            .Select(section => $"There is no room {section.Key}. Rooms with options: {string.Join(", ", findings.Rooms)}."));
        if (findings.Reasons.Count > 0)
            throw new BadOptionsException(findings.Reasons);
    }

    /// <summary>Options that there are not, and values that are not of their option's type.</summary>
    private static IEnumerable<string> FindUnreadable<T>(string room, IConfigurationSection section)
    {
        var known = typeof(T).GetProperties().ToDictionary(property => property.Name, StringComparer.OrdinalIgnoreCase);
        foreach (var option in section.GetChildren())
        {
            if (!known.TryGetValue(option.Key, out var property))
                yield return $"There is no option {room}:{option.Key}. The options of {room}: {string.Join(", ", known.Keys.Order())}.";
            else if (option.Value is { } text && !CanRead(section, option.Key, property.PropertyType))
                yield return $"{room}:{property.Name} cannot be '{text}'; it is {Describe(Nullable.GetUnderlyingType(property.PropertyType) ?? property.PropertyType)}.";
        }
    }

    private static bool CanRead(IConfigurationSection section, string key, Type type)
    {
        try
        {
            _ = section.GetValue(type, key);
            return true;
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }

    private static string Describe(Type type) => type switch
    {
        { IsEnum: true } => "one of " + string.Join(", ", Enum.GetNames(type).Select(name => name.ToLowerInvariant())),
        _ when type == typeof(int) || type == typeof(long) => "a whole number",
        _ when type == typeof(double) => "a number",
        _ when type == typeof(bool) => "true or false",
        _ when type == typeof(TimeSpan) => "a time such as 00:00:30",
        _ => $"a {type.Name}",
    };

    private sealed class Findings
    {
        public SortedSet<string> Rooms { get; } = new(StringComparer.OrdinalIgnoreCase);

        public List<string> Reasons { get; } = [];

        public static Findings Of(IHostApplicationBuilder builder)
        {
            if (!builder.Properties.TryGetValue(s_findingsKey, out var findings))
                builder.Properties[s_findingsKey] = findings = new Findings();
            return (Findings)findings;
        }
    }
}

/// <summary>The options cannot be used; each reason names one. It needs no stack trace.</summary>
public sealed class BadOptionsException(IReadOnlyList<string> reasons)
    : Exception("The options cannot be used:" + string.Concat(reasons.Select(reason => Environment.NewLine + "- " + reason)))
{
    /// <summary>Everything that is wrong.</summary>
    public IReadOnlyList<string> Reasons { get; } = reasons;
}
