using System.Text.Json;
using Stoa.Market.Identity;
using Stoa.Primitives;

namespace Stoa.Market.Templates;

/// <summary>A submission with blanks, kept to be filled in and submitted many times. It never changes.</summary>
/// <param name="Id">Never reused.</param>
/// <param name="OwnerId">Whose it is.</param>
/// <param name="Name">Unique among the owner's.</param>
/// <param name="Task">The submission as JSON; its texts may hold blanks such as <c>{{width}}</c>.</param>
/// <param name="Parameters">The blanks.</param>
/// <param name="CreatedAt">UTC.</param>
public sealed record TaskTemplate(
    Id<TaskTemplate> Id, Id<User> OwnerId, string Name, string Task, IReadOnlyList<TemplateParameter> Parameters, DateTimeOffset CreatedAt) : IIdentified
{
    public static string IdPrefix => "tmpl";

    /// <summary>Most templates of one user.</summary>
    public const int MaxPerUser = 200;
}

/// <summary>A blank of a template.</summary>
/// <param name="Name">Letters, digits and underscores, a letter first; at most 64.</param>
/// <param name="Type">What is filled in.</param>
/// <param name="Description">For people; may be null.</param>
/// <param name="Default">Filled in when nothing is given; null when something must be.</param>
public sealed record TemplateParameter(string Name, ParameterType Type, string? Description, JsonElement? Default);

/// <summary>What a parameter of a template takes.</summary>
public enum ParameterType
{
    /// <summary>Text.</summary>
    Text,

    /// <summary>A number.</summary>
    Number,

    /// <summary>A whole number.</summary>
    Integer,

    /// <summary>True or false.</summary>
    Boolean,
}

/// <summary>Every reason for which an act on a template is refused.</summary>
public enum TemplateRefusal
{
    /// <summary>No such template, or it belongs to somebody else.</summary>
    TemplateUnknown,

    /// <summary>Name, parameters or blanks are not as they must be; every reason is listed.</summary>
    TemplateInvalid,

    /// <summary>The user has another template of that name.</summary>
    TemplateNameTaken,

    /// <summary>The user has as many templates as one may have.</summary>
    TemplatesTooMany,

    /// <summary>Schedules fill it in.</summary>
    TemplateInUse,

    /// <summary>Values are missing, of another type, or for blanks that there are not; every reason is listed.</summary>
    TemplateValuesInvalid,
}
