using System.Globalization;
using System.Text.Json;
using Stoa.Market.Inference.OpenAi;

namespace Stoa.Market.Inference.Forms;

/// <summary>What is wrong with a request that is translated: the first thing that was found.</summary>
internal sealed class FormFaults
{
    /// <summary>Null while nothing is wrong.</summary>
    public RequestFault? First { get; private set; }

    /// <summary>Takes note of a fault.</summary>
    public void Add(string? parameter, string reason) => First ??= new RequestFault(parameter, reason);
}

/// <summary>One object of a request that is translated. What of it has no counterpart is refused by its name, and never left out in silence.</summary>
/// <remarks>A member that is null is as one that is not there. After a fault reading goes on with nothing.</remarks>
internal readonly struct FormObject
{
    private const string NoCounterpart = "It has no counterpart in chat completions, by which models are asked here: leave it out.";

    private readonly JsonElement _element;
    private readonly string _path;
    private readonly bool _isObject;

    /// <param name="element">The object.</param>
    /// <param name="path">Where it is in the request, members and indices with dots between them; empty for all of it.</param>
    /// <param name="faults">Takes what is wrong.</param>
    public FormObject(JsonElement element, string path, FormFaults faults)
    {
        (_element, _path, Faults) = (element, path, faults);
        _isObject = element.ValueKind is JsonValueKind.Object;
        if (!_isObject)
            faults.Add(path.Length == 0 ? null : path, "An object is expected.");
    }

    /// <summary>What is wrong with the request.</summary>
    public FormFaults Faults { get; }

    /// <summary>Whether something is wrong, here or elsewhere: then nothing more is to be read.</summary>
    public bool IsRefused => Faults.First is not null;

    /// <summary>Where a member is in the request.</summary>
    public string PathOf(string name) => _path.Length == 0 ? name : $"{_path}.{name}";

    /// <summary>Refuses a member.</summary>
    public void Refuse(string name, string reason) => Faults.Add(PathOf(name), reason);

    /// <summary>Refuses a member for which there is nothing here.</summary>
    public void RefuseUnknown(string name) => Refuse(name, NoCounterpart);

    /// <summary>A member that is there and not null.</summary>
    public bool TryGet(string name, out JsonElement value)
    {
        value = default;
        return _isObject && _element.TryGetProperty(name, out value) && value.ValueKind is not JsonValueKind.Null;
    }

    /// <summary>A text.</summary>
    /// <returns>False when it is not there, or is refused.</returns>
    public bool TryText(string name, out JsonElement text)
    {
        if (!TryGet(name, out text))
            return false;
        if (text.ValueKind is JsonValueKind.String)
            return true;
        Refuse(name, "A text is expected.");
        return false;
    }

    /// <summary>A text that has to be there.</summary>
    public bool MustText(string name, out JsonElement text)
    {
        if (!TryGet(name, out text))
        {
            Refuse(name, "It is missing: a text is expected.");
            return false;
        }

        return TryText(name, out text);
    }

    /// <summary>A short text that decides something.</summary>
    /// <param name="name">Of the member.</param>
    /// <param name="most">Its most characters.</param>
    public string? Word(string name, int most = 256)
    {
        if (!TryText(name, out var text))
            return null;
        // An escaped character takes up to six bytes.
        if (RawJson.Of(text).Length <= (most * 6) + 2 && text.GetString() is { } word && word.Length <= most)
            return word;
        Refuse(name, string.Create(CultureInfo.InvariantCulture, $"At most {most:N0} characters are taken."));
        return null;
    }

    /// <summary>True or false.</summary>
    public bool? Flag(string name)
    {
        if (!TryGet(name, out var value))
            return null;
        if (value.ValueKind is JsonValueKind.True or JsonValueKind.False)
            return value.ValueKind is JsonValueKind.True;
        Refuse(name, "true or false is expected.");
        return null;
    }

    /// <summary>A whole number from 1 on.</summary>
    public long? Count(string name)
    {
        if (!TryGet(name, out var value))
            return null;
        if (value.ValueKind is JsonValueKind.Number && value.TryGetInt64(out var number) && number is >= 1 and <= int.MaxValue)
            return number;
        Refuse(name, "A whole number from 1 on is expected.");
        return null;
    }

    /// <summary>A member that is an object.</summary>
    public FormObject? Object(string name) => TryGet(name, out var value) ? new FormObject(value, PathOf(name), Faults) : null;

    /// <summary>A member that is an array.</summary>
    /// <param name="name">Of the member.</param>
    /// <param name="most">Its most members.</param>
    public IEnumerable<(JsonElement Value, string Path)> Items(string name, int most)
    {
        if (!TryGet(name, out var array))
            return [];
        if (array.ValueKind is JsonValueKind.Array && array.GetArrayLength() <= most)
            return Each(array, PathOf(name), Faults);
        Refuse(name, string.Create(CultureInfo.InvariantCulture, $"An array of at most {most:N0} is expected."));
        return [];
    }

    /// <summary>A member that is an array of objects.</summary>
    public IEnumerable<FormObject> Objects(string name, int most)
    {
        foreach (var (value, path) in Items(name, most))
            yield return new FormObject(value, path, Faults);
    }

    /// <summary>Writes a member as it stands, where it is there.</summary>
    /// <param name="json">Where to.</param>
    /// <param name="name">Of the member.</param>
    /// <param name="kind">What it has to be.</param>
    /// <param name="as">What it is called there; null for the same.</param>
    public void Copy(Utf8JsonWriter json, string name, JsonValueKind kind, string? @as = null)
    {
        if (!TryGet(name, out var value))
            return;
        var given = value.ValueKind is JsonValueKind.False ? JsonValueKind.True : value.ValueKind;
        if (given != kind)
        {
            Refuse(name, kind switch
            {
                JsonValueKind.Number => "A number is expected.",
                JsonValueKind.String => "A text is expected.",
                JsonValueKind.True => "true or false is expected.",
                _ => "An object is expected.",
            });
            return;
        }

        json.WritePropertyName(@as ?? name);
        json.WriteRaw(value);
    }

    /// <summary>Refuses the first member that is none of these.</summary>
    public void Only(params ReadOnlySpan<string> known)
    {
        if (!_isObject)
            return;
        foreach (var member in _element.EnumerateObject())
        {
            if (member.Value.ValueKind is not JsonValueKind.Null && !IsAmong(member, known))
            {
                RefuseUnknown(member.Name.Length <= 256 ? member.Name : member.Name[..256]);
                return;
            }
        }
    }

    private static bool IsAmong(JsonProperty member, ReadOnlySpan<string> known)
    {
        foreach (var name in known)
        {
            if (member.NameEquals(name))
                return true;
        }

        return false;
    }

    private static IEnumerable<(JsonElement Value, string Path)> Each(JsonElement array, string path, FormFaults faults)
    {
        var index = 0;
        foreach (var item in array.EnumerateArray())
        {
            if (faults.First is not null)
                yield break;
            yield return (item, string.Create(CultureInfo.InvariantCulture, $"{path}.{index++}"));
        }
    }
}
