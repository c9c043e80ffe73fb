using System.ComponentModel;
using System.Globalization;
using Microsoft.AspNetCore.Mvc;
using Stoa.Market;
using Stoa.Market.Metering;
using Stoa.Market.Registry;
using Stoa.Node.Http;
using Stoa.Node.Identity;
using Stoa.Primitives;

namespace Stoa.Node.Metering;

/// <summary>What a report of usage is asked by; use it as an <c>[AsParameters]</c> parameter.</summary>
public sealed record UsageParameters
{
    [FromQuery(Name = "role"), Description("consumer: what you spent; creator: what your agents earned; operator: what the nodes ran and earned, for administrators. consumer when left out.")]
    public string? Role { get; init; }

    [FromQuery(Name = "by"), Description("The periods, of UTC: hour, day or month. day when left out.")]
    public string? By { get; init; }

    [FromQuery(Name = "groupBy"), Description("What rows are told apart by within a period: none, agent, version, node, kind, or consumer for operators. agent when left out.")]
    public string? GroupBy { get; init; }

    [FromQuery(Name = "agent"), Description("Only this agent in all of its versions, publisher/name.")]
    public string? Agent { get; init; }

    [FromQuery(Name = "from"), Description("RFC 3339: periods that this instant lies in, and later ones. When left out the last 24 hours, 31 days or 12 months before to.")]
    public string? From { get; init; }

    [FromQuery(Name = "to"), Description("RFC 3339: only periods that begin before. Now when left out.")]
    public string? To { get; init; }

    /// <summary>The question that they ask.</summary>
    /// <param name="caller">Who asks.</param>
    /// <param name="now">UTC.</param>
    /// <exception cref="RequestRefusedException">A parameter is not as it must be, or the question is not the caller's to ask.</exception>
    public UsageQuery ToQuery(Caller caller, DateTimeOffset now)
    {
        var errors = new List<FieldError>();
        var role = Read(Role, "role", UsageRole.Consumer, errors);
        var span = Read(By, "by", UsageSpan.Day, errors);
        var group = Read(GroupBy, "groupBy", UsageGroup.Agent, errors);
        var to = ReadTime(To, "to", errors) ?? now.AddMilliseconds(1);
        var from = ReadTime(From, "from", errors) ?? span switch
        {
            UsageSpan.Hour => to.AddHours(-24),
            UsageSpan.Day => to.AddDays(-31),
            _ => to.AddMonths(-12),
        };
        if (Agent is not null && !(ListingName.TryParse(Agent, null, out var listing) && listing.Version is null))
            errors.Add(new FieldError("", "The parameter agent is an agent in all of its versions, such as stoa/image-resize."));
        if (group is UsageGroup.Consumer && role is not UsageRole.Operator)
            errors.Add(new FieldError("", "Only operators see usage by consumer: leave groupBy out, or take agent, version, node or kind."));
        if (from >= to)
            errors.Add(new FieldError("", "The parameter from is before to."));
        if (errors.Count > 0)
            throw new RequestRefusedException(RequestRefusal.RequestInvalid, errors: errors);
        RefuseUnlessTheirs(role, caller);
        return new UsageQuery(role, caller.UserId, span, group, span.StartOf(from), to) { Agent = Agent };
    }

    /// <summary>Everybody may ask for what is their own; what the operator earns is for administrators.</summary>
    /// <exception cref="RequestRefusedException">It is not the caller's to ask.</exception>
    internal static void RefuseUnlessTheirs(UsageRole role, Caller caller)
    {
        if (role is UsageRole.Operator && !caller.IsAdmin)
            throw new RequestRefusedException(RequestRefusal.Forbidden, "What the operator earns is for administrators of the node: ask as consumer or as creator.");
    }

    /// <summary>Reads one of a few words.</summary>
    internal static T Read<T>(string? text, string name, T otherwise, List<FieldError> errors)
        where T : struct, Enum
    {
        if (text is null)
            return otherwise;
        if (EnumWord.TryParse<T>(text, out var value))
            return value;
        errors.Add(new FieldError("", $"The parameter {name} is one of {EnumWord.All<T>()}."));
        return otherwise;
    }

    private static DateTimeOffset? ReadTime(string? text, string name, List<FieldError> errors)
    {
        if (text is null)
            return null;
        // Whoever forgets to encode a plus sends a blank.
        if (DateTimeOffset.TryParse(text.Replace(' ', '+'), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var time)
            && time.Year is >= 1970 and < 9000)
        {
            return time;
        }

        errors.Add(new FieldError("", $"The parameter {name} is a time such as 2026-11-28T08:00:00Z or 2026-11-28."));
        return null;
    }
}
