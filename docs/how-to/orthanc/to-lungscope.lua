-- Sends every radiograph that Orthanc receives to lungscope, and nothing that came from it.
-- A send that fails is not tried again: `lungscope pacs run --orthanc` fetches what was missed.

local NODE = 'lungscope'   -- its name in DicomModalities
local TITLE = 'LUNGSCOPE'  -- its AE title

function OnStoredInstance(instanceId, tags, metadata, origin)
  if origin['RequestOrigin'] == 'Lua' or origin['RemoteAet'] == TITLE then
    return
  end
  local modality = tags['Modality']
  if modality == 'CR' or modality == 'DX' or modality == 'DR' then
    SendToModality(instanceId, NODE)
  end
end
