using System.Collections;
using System.Globalization;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Text;
using System.Xml.Linq;
using Stoa.Node.Http;

namespace Stoa.Node.Tests.Http;

/// <summary>Documents are written from the code, so that they cannot differ from it. <c>STOA_WRITE_DOCS=1</c> writes them anew.</summary>
public sealed class GeneratedDocsTests
{
    internal const string Origin = "<!-- Written from the code by GeneratedDocsTests with STOA_WRITE_DOCS=1; do not edit. -->";

    [Fact]
    public void ProblemsDocument_IsTheTableOfProblems()
    {
        var text = new StringBuilder($"{Origin}\n\n# Problems\n\n");
        text.Append("When a node refuses, it answers a problem document (RFC 9457). Its `code` is one of these; a node explains each at `/problems/{code}`.\n\n");
        text.Append("| status | code | when it happens | what to do |\n|---|---|---|---|\n");
        foreach (var kind in Problems.All.Values)
            text.Append(CultureInfo.InvariantCulture, $"| {kind.Status} | `{kind.Code}` | {kind.Explanation} | {kind.Remedy} |\n");

        ShouldBeWritten("problems.md", text.ToString());
    }

    [Fact]
    public void OptionsDocument_ListsEveryOption()
    {
        var text = new StringBuilder($"{Origin}\n\n# Options of a node\n\n");
        text.Append("An option is given in `stoa.json` in the data folder, in the environment, or on the command line; the later one wins:\n\n");
        text.Append("    { \"stoa\": { \"tasks\": { \"workers\": 4 } } }\n    STOA__TASKS__WORKERS=4\n    --tasks:workers 4                    # with stoa up: --set tasks:workers=4\n\n");
        text.Append("An unknown option or a bad value stops the start, with every reason told at once. The data folder and the address have short names:\n");
        text.Append("`--data` and `STOA_DATA`, `--url` and `STOA_URL`.\n");
        var summaries = XDocument.Load(Path.ChangeExtension(typeof(Problems).Assembly.Location, ".xml"))
            .Descendants("member").ToDictionary(member => member.Attribute("name")!.Value, StringComparer.Ordinal);
        var records = typeof(Problems).Assembly.GetTypes()
            .Where(type => type.IsPublic && type.Name.EndsWith("Options", StringComparison.Ordinal) && type.GetMethod("Validate") is not null)
            .OrderBy(type => type.Name, StringComparer.Ordinal).ToArray();

        records.Length.ShouldBeGreaterThan(6);
        foreach (var record in records)
        {
            var room = record.Name[..^"Options".Length];
            text.Append(CultureInfo.InvariantCulture, $"\n## {room}\n\n{Words(summaries[$"T:{record.FullName}"].Element("summary"))}\n\n");
            text.Append("| option | what it is |\n|---|---|\n");
            foreach (var property in record.GetProperties().Where(property => property.CanWrite && IsOption(property)))
            {
                var said = summaries.GetValueOrDefault($"P:{record.FullName}.{property.Name}")?.Element("summary")
                    ?? summaries[$"T:{record.FullName}"].Elements("param").FirstOrDefault(param => param.Attribute("name")?.Value == property.Name);
                Words(said).ShouldNotBeEmpty($"{record.Name}.{property.Name} is not described");
                text.Append(CultureInfo.InvariantCulture, $"| `{room}:{property.Name}` | {Words(said)} |\n");
            }
        }

        ShouldBeWritten("options.md", text.ToString());
    }

    private static bool IsOption(PropertyInfo property) =>
        property.PropertyType.IsPrimitive || property.PropertyType.IsEnum || property.PropertyType == typeof(string)
        || typeof(IEnumerable).IsAssignableFrom(property.PropertyType);

    /// <summary>The words of a doc comment, with code in backquotes.</summary>
    private static string Words(XElement? comment) => comment is null
        ? ""
        : string.Join(' ', string.Concat(comment.Nodes().Select(node => node switch
        {
            XText plain => plain.Value,
            XElement { Name.LocalName: "c" } code => $"`{code.Value}`",
            XElement { Name.LocalName: "see" } reference => $"`{reference.Attribute("cref")?.Value.Split('.')[^1]}`",
            XElement other => other.Value,
            _ => "",
        })).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries));

    internal static void ShouldBeWritten(string name, string text, [CallerFilePath] string here = "")
    {
        var path = Path.GetFullPath(Path.Combine(here, "../../../../docs", name));
        if (Environment.GetEnvironmentVariable("STOA_WRITE_DOCS") == "1")
            File.WriteAllText(path, text);
        var differences = File.ReadLines(path).Zip(text.Split('\n')).Where(lines => lines.First != lines.Second).Take(3);
        differences.ShouldBeEmpty($"docs/{name} is behind the code: run this test with STOA_WRITE_DOCS=1.");
        File.ReadAllText(path).Length.ShouldBe(text.Length);
    }
}
