using System.Text;
using System.Text.Json;

namespace Stoa.Wasm.Tests.Spec;

/// <summary>The official test suite of WebAssembly 2.0, all files in one run.</summary>
[Trait("suite", "spec")]
public sealed class OfficialSuiteTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(BoundsChecks.Automatic)]
    [InlineData(BoundsChecks.Explicit)]
    public void OfficialSuite_AllFiles_Pass(BoundsChecks boundsChecks)
    {
        if (SpecTools.MissingReason is { } reason)
            Assert.Skip(reason);
        var folder = Directory.CreateTempSubdirectory("stoa-spec-");
        try
        {
            var counts = new List<SpecCounts>();

            // The suite recurses without end on purpose, as deep as the stack allows.
            var thread = new Thread(() => counts.AddRange(SpecTools.Unpack(folder.FullName).Select(file => SpecScript.Run(file.Key, File.ReadAllBytes(file.Value), boundsChecks))), 64 << 20);
            thread.Start();
            thread.Join();
            string report = Report(counts);
            output.WriteLine(report);
            if (boundsChecks == BoundsChecks.Automatic)
                Save(report, counts);
            counts.SelectMany(file => file.Failures).ShouldBeEmpty();
            counts.Sum(file => file.Passed).ShouldBeGreaterThan(50_000);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    // What ./test spec prints.
    private static void Save(string report, List<SpecCounts> counts)
    {
        if (SpecTools.Root is not { } root)
            return;
        string folder = Directory.CreateDirectory(Path.Combine(root, "artifacts")).FullName;
        File.WriteAllText(Path.Combine(folder, "spec.txt"), report);
        File.WriteAllText(Path.Combine(folder, "spec.json"), JsonSerializer.Serialize(new
        {
            passed = counts.Sum(file => file.Passed),
            failed = counts.Sum(file => file.Failures.Count),
            skipped = counts.Sum(file => file.SkippedCount),
            files = counts.Select(file => new
            {
                file = file.File,
                passed = file.Passed,
                failed = file.Failures.Count,
                skipped = file.SkippedCount,
                reasons = file.Skipped,
            }),
        }));
    }

    private static string Report(List<SpecCounts> counts)
    {
        var report = new StringBuilder();
        report.AppendLine($"{"file",-28}{"passed",8}{"failed",8}{"skipped",9}");
        foreach (var file in counts)
        {
            string reasons = string.Join(", ", file.Skipped.Select(skip => $"{skip.Key} {skip.Value}"));
            report.AppendLine($"{file.File,-28}{file.Passed,8}{file.Failures.Count,8}{file.SkippedCount,9}  {reasons}");
        }

        report.AppendLine($"{"total",-28}{counts.Sum(file => file.Passed),8}{counts.Sum(file => file.Failures.Count),8}{counts.Sum(file => file.SkippedCount),9}");
        return report.ToString();
    }
}
