#!/usr/bin/env pwsh
# Summarise disks, the largest processes and failed services, on Linux, macOS or Windows.
# Usage: services_status.ps1 [-Top N] [-DiskLimit PERCENT]
#
# Exit: 0 nothing over its limit, 1 a disk is fuller than PERCENT (default 85) or a service has failed.
param(
    [ValidateRange(1, 1000)][int] $Top = 10,
    [ValidateRange(1, 100)][int] $DiskLimit = 85
)
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'

# Control characters in a name must not reach the terminal.
function ConvertTo-Visible([string] $Text) { $Text -replace '\p{C}', '?' }

function Get-DiskUse {
    foreach ($drive in [System.IO.DriveInfo]::GetDrives()) {
        # A drive may vanish, or be closed to this user, between the listing and the question.
        try {
            if (-not $drive.IsReady -or $drive.DriveType -ne 'Fixed' -or $drive.TotalSize -eq 0) { continue }
            if ($drive.DriveFormat -in 'squashfs', 'iso9660') { continue } # read-only images are always full
            [pscustomobject]@{
                Disk        = ConvertTo-Visible $drive.Name
                UsedPercent = [int](100 - 100 * $drive.TotalFreeSpace / $drive.TotalSize)
                FreeGiB     = [math]::Round($drive.AvailableFreeSpace / 1GB, 1)
            }
        }
        catch [System.IO.IOException], [System.UnauthorizedAccessException] { continue }
    }
}

function Get-LargestProcess {
    Get-Process | Sort-Object -Property WorkingSet64 -Descending | Select-Object -First $Top | ForEach-Object {
        [pscustomobject]@{
            Id         = $_.Id
            MemoryMiB  = [math]::Round($_.WorkingSet64 / 1MB, 1)
            CpuSeconds = if ($null -eq $_.CPU) { 'not told' } else { [math]::Round($_.CPU, 1) }
            Name       = ConvertTo-Visible $_.ProcessName
        }
    }
}

# Names of failed services; $null when this host has no service manager that answers.
function Get-FailedService {
    if (Get-Command -Name Get-Service -ErrorAction SilentlyContinue) {
        # Automatic services that merely finished their work have exit code 0; CIM knows the code.
        $stopped = Get-CimInstance -ClassName Win32_Service -Filter "StartMode='Auto' AND State<>'Running'"
        return , @($stopped | Where-Object { $_.ExitCode -ne 0 } | ForEach-Object { ConvertTo-Visible $_.Name })
    }
    if (Get-Command -Name systemctl -CommandType Application -ErrorAction SilentlyContinue) {
        $units = & systemctl list-units --failed --plain --no-legend --no-pager 2>$null
        if ($LASTEXITCODE -eq 0) {
            return , @($units | Where-Object { $_ } | ForEach-Object { ConvertTo-Visible (($_ -split '\s+')[0]) })
        }
    }
    return $null
}

$problems = [System.Collections.Generic.List[string]]::new()

$disks = @(Get-DiskUse)
$disks | Sort-Object -Property UsedPercent -Descending | Format-Table -AutoSize | Out-String | Write-Output
foreach ($disk in $disks) {
    if ($disk.UsedPercent -gt $DiskLimit) { $problems.Add("$($disk.Disk) is $($disk.UsedPercent) % full") }
}

Get-LargestProcess | Format-Table -AutoSize | Out-String | Write-Output

$failed = Get-FailedService
if ($null -eq $failed) {
    Write-Output 'services: no service manager answers here'
}
else {
    foreach ($service in $failed) { $problems.Add("service $service failed") }
    Write-Output "services: $($failed.Count) failed"
}

if ($problems.Count -gt 0) {
    Write-Output "WARN: $($problems -join '; ')"
    exit 1
}
Write-Output 'OK: nothing looked at is over its limit'
exit 0
